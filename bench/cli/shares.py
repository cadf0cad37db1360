"""Shares of traffic that move, live in the terminal, while a drill runs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workers.cli.output import console

if TYPE_CHECKING:
    from bench.drills.practice import Moment

BAR: Final = 30  # characters
REFRESH: Final = 4  # times a second


def live(text: str) -> Live:
    """Give a display that is gone when it ends."""
    return Live(Text(text), console=console(), transient=True, refresh_per_second=REFRESH)


def view(moment: "Moment") -> RenderableType:
    """Show a moment of a drill."""
    return Group(_headline(moment), _shares(moment), *_words(moment))


def _headline(moment: "Moment") -> Text:
    tally = moment.tally
    since_s = moment.at_s - moment.size.before_s
    due = f"the fault comes in {-since_s:.0f} s" if since_s < 0 else f"{since_s:.0f} s of {moment.size.observed_s:.0f}"
    clock = due if moment.drill.steps else f"{moment.at_s:.0f} s"
    codes = f"{tally.asked} asked, {tally.delivered} delivered, {tally.verified} entered"
    return Text(f"{moment.drill.name}: {clock}; {codes}", style="bold")


def _shares(moment: "Moment") -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for country, shares in moment.shares.items():
        for turn, (provider, share) in enumerate(sorted(shares.items())):
            broken = provider in moment.broken and moment.drill.country in {None, country}
            table.add_row(
                "" if turn else country,
                provider,
                Bar(1.0, 0.0, share, width=BAR, color="red" if broken else "green"),
                f"{share:.0%}",
                "broken" if broken else "",
            )
    return table


def _words(moment: "Moment") -> Iterator[Text]:
    for country, why in moment.why.items():
        yield Text(f"{country}: {why}", style="dim")
    for incident in moment.incidents:
        yield Text(f"{incident.cause.value}: {incident.summary}", style="yellow")

"""`ithaca explain`: why a request went the way it went, or why the shares of a country are what they are."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from msgspec import to_builtins
from rich.table import Table
from rich.text import Text

from pipeline.orders.asking import duration
from pipeline.orders.wanted import is_served
from pipeline.settings.problems import meant
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from pipeline.reports.explaining import CountryStory, RequestStory
    from pipeline.settings import Settings

WITHIN: Final = "2h"
BAD: Final = "bold red"

app = typer.Typer()


@app.command()
def explain(
    ctx: typer.Context,
    request: Annotated[str | None, typer.Argument(metavar="REQUEST_ID", help="A request to explain.")] = None,
    *,
    country: Annotated[str | None, typer.Option(metavar="CODE", help="A country to explain, such as GB.")] = None,
    within: Annotated[
        str, typer.Option(metavar="TIME", help="How far to look back for a request: 7d at most are kept.")
    ] = WITHIN,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Tell why a request went through these providers, or why the shares of a country are what they are.

    Exit code 1 when nothing is known of the request. Neither numbers nor codes are shown: no topic holds them.
    """
    if (request is None) == (country is None):
        raise typer.BadParameter("give either a request id or --country", param_hint="REQUEST_ID")
    settings = load_beside(ctx, config, data).settings
    with naming_kafka(settings):
        if country is not None:
            story = asyncio.run(_country(settings, country))
            _show_country(story)
            write_json(json_to, to_builtins(story))
            return
        found = asyncio.run(_request(settings, str(request), within))
    if found is None:
        console().print(f"nothing is known of it since {within} ago; --within 7d looks further back", style=BAD)
        write_json(json_to, {"found": False})
        raise typer.Exit(1)
    _show_request(found)
    write_json(json_to, {"found": True} | to_builtins(found))


async def _country(settings: "Settings", country: str) -> "CountryStory":
    from pipeline.reports.explaining import explain_country
    from workers.operator_actions.orders import read

    control = await read(settings.kafka)
    if not is_served(country, settings.routes) and country not in control.tables:
        known = sorted({*settings.routes, *control.tables})
        raise typer.BadParameter(
            f"no provider is configured there; {meant(country.upper(), known)}", param_hint="--country"
        )
    return explain_country(country, control.tables.get(country), settings.routes, control.orders.values(), control.now)


async def _request(settings: "Settings", request_id: str, within: str) -> "RequestStory | None":
    from pipeline.reports.explaining import explain_request
    from workers.kafka import BrokerClock
    from workers.operator_actions.explaining import known_of

    lasts = duration(within)
    if lasts is None:
        raise typer.BadParameter(f"'{within}' is no duration; write 90s, 30m, 2h or 7d", param_hint="--within")
    known = await known_of(settings.kafka, request_id, BrokerClock().now(), lasts)
    return explain_request(request_id, known)


def _show_country(story: "CountryStory") -> None:
    from workers.cli.orders.words import show_order_rows, stamp

    out = console()
    out.print(Text.assemble((f"{story.country}  ", "bold"), (f"{story.mode}: " if story.mode else ""), story.says))
    if story.changed_at:
        out.print(f"changed  {stamp(story.changed_at)}: {story.why}", markup=False, soft_wrap=True)
    if story.stale and story.decided_at:
        out.print(f"stale: nobody has looked at the evidence since {stamp(story.decided_at)}", style=BAD)
    table = Table("provider", "share", "settings", "state", "", box=None, pad_edge=False)
    for route in story.routes:
        cells = (route.provider, f"{route.share:.1%}", f"{route.configured:g} %", route.state or "", route.says)
        table.add_row(*(Text(cell) for cell in cells))
    out.print(table)
    out.print("orders in force:" if story.orders else "no orders in force")
    if story.orders:
        show_order_rows(story.orders)


def _show_request(story: "RequestStory") -> None:
    from workers.cli.orders.words import stamp

    out = console()
    out.print(Text.assemble((f"{story.request_id}  ", "bold"), story.says))
    asked = f", asked at {stamp(story.asked_at)}" if story.asked_at else ""
    who = [word for word in (story.caller, story.purpose, story.country) if word]
    out.print(f"{', '.join(who)}{asked}", markup=False)
    for attempt in story.attempts:
        out.print(
            Text(f"attempt {attempt.number} through {attempt.provider} at {attempt.sent_at:%H:%M:%S}: {attempt.why}"),
            soft_wrap=True,
        )
        for line in _lines(attempt):
            out.print(Text(f"  {line}"), soft_wrap=True)
    for entry in story.entered:
        out.print(f"entered at {stamp(entry.at)}: {entry.verdict}", markup=False)
    if story.dead:
        out.print(f"given up: {story.dead}", style=BAD, markup=False, soft_wrap=True)


def _lines(attempt: Any) -> list[str]:
    code = f" ({attempt.code})" if attempt.code else ""
    probe = "a probe: the route was known to be broken; " if attempt.probe else ""
    receipts = [
        f"{one.state} after {one.after_s:g} s{f' ({one.code})' if one.code else ''}" for one in attempt.receipts
    ]
    return [
        *_then(attempt),
        f"{probe}{attempt.outcome}{code} after {attempt.duration_ms:.0f} ms",
        f"receipts: {', '.join(receipts) or 'none'}",
    ]


def _then(attempt: Any) -> list[str]:
    if attempt.share is None:
        return ["what its share was then is not known any more"]
    return [
        f"it had {attempt.share:.1%} of the country then and was {attempt.state}",
        f"the newest change before: {attempt.moved}",
    ]

"""Dead letters as people read them."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from pipeline.dead_letters.letters import Letter, place_of
from pipeline.dead_letters.redrive import TIER, Decision, Summary, in_words
from pipeline.records import LetterState
from pipeline.records.topics import DEAD, EXPIRED
from workers.cli.output import console
from workers.operator_actions.purge import Purged
from workers.operator_actions.redrive import Redriven


def show_list(letters: Sequence[Letter], reasons: Mapping[str, int], *, broken: int) -> None:
    """Show some letters, and how many there are of each reason."""
    out = console()
    for letter in letters:
        out.print(_headline(letter))
        out.print(Text(f"  {letter.dead.detail}; from {place_of(letter.dead.origin)}"), soft_wrap=True)
    found = sum(reasons.values())
    if not found:
        out.print("no dead letters")
    elif found > len(letters):
        out.print(f"{len(letters)} of {found}, the newest; --limit shows more")
    if found:
        out.print("by reason: " + ", ".join(f"{count} {reason}" for reason, count in reasons.items()))
    _show_broken(broken)


def show_letter(letter: Letter, decision: Decision, *, others: int) -> None:
    """Show everything of one letter that may be shown."""
    dead, resolution = letter.dead, letter.resolution
    rows = Table(box=None, show_header=False, pad_edge=False)
    state = f"{letter.state}, {resolution.at:%H:%M:%S} by {resolution.author}" if resolution else letter.state
    request = dead.request
    for name, value in {
        "letter": place_of(letter.place),
        "state": state,
        "reason": f"{dead.reason}: {dead.detail}",
        "died": f"{dead.at:%Y-%m-%d %H:%M:%S} UTC",
        "record": f"{place_of(dead.origin)}, {dead.size} bytes",
        "request": dead.request_id,
        "caller": dead.caller,
        "country": dead.country,
        "purpose": request.purpose if request else None,
        "expires": f"{request.expires_at:%Y-%m-%d %H:%M:%S} UTC" if request else None,
        "redrive": in_words(decision),
    }.items():
        if value:
            rows.add_row(name, Text(value))
    console().print(rows)
    _show_attempts(letter)
    if others:
        console().print(f"{others} more of this request; `dead-letters list` names the place of each")


def show_redriven(done: Redriven) -> None:
    """Say what a redrive has done, or would do."""
    out, total = console(), done.summary.total
    if total.found:
        out.print(_histogram(done.summary))
    if not total.redriven and not total.expired:
        out.print("nothing to redrive" if total.found else "no open dead letters: nothing to redrive")
    if total.redriven:
        said = "would be redriven" if done.dry else f"redriven: dispatch makes a new attempt in {TIER.delay.seconds} s"
        out.print(f"{total.redriven} {said}")
    if total.expired:
        said = "would end as expired" if done.dry else f"ended as expired: nothing is sent, and {EXPIRED.name} tells it"
        out.print(f"{total.expired} {said}")
    for why, count in done.summary.refusals.items():
        out.print(f"{count} refused: {why}")
    _show_done_before(done.summary.done_before)
    _show_broken(done.broken)


def show_purged(done: Purged) -> None:
    """Say what a purge has put out of the way, or would."""
    out, count = console(), done.purged
    for reason, number in done.reasons.items():
        out.print(f"{number:>6}  {reason}")
    if not count:
        out.print("no open dead letters: nothing to purge")
    else:
        out.print(
            f"{count} would be purged" if done.dry else f"{count} purged: no list shows them, no redrive sends them"
        )
        hours = DEAD.retention.total_seconds() / 3600 if DEAD.retention else 0
        out.print(f"their records, all sealed, leave Kafka by themselves when they are {hours:g} h old")
    _show_done_before(done.done_before)
    _show_broken(done.broken)


def _headline(letter: Letter) -> Text:
    dead = letter.dead
    who = [word for word in (dead.request_id, dead.caller, dead.country) if word]
    tried = [f"{len(dead.attempts)} attempts"] if dead.attempts else []
    state = [] if letter.state is LetterState.OPEN else [letter.state.value]
    words = "".join(f"  {word}" for word in [*who, *tried, *state])
    return Text.assemble(f"{dead.at:%Y-%m-%d %H:%M:%S}  ", (dead.reason, "bold"), words)


def _show_attempts(letter: Letter) -> None:
    if not letter.dead.attempts:
        console().print("no attempts")
        return
    table = Table("attempt", "sent", "provider", "trigger", "outcome", "code", "ms", box=None, pad_edge=False)
    for attempt in letter.dead.attempts:
        cells = (f"{attempt.sent_at:%H:%M:%S}", attempt.provider, attempt.trigger, attempt.outcome, attempt.code or "")
        table.add_row(str(attempt.number), *map(Text, cells), f"{attempt.duration_ms:.0f}")
    console().print(table)


def _histogram(summary: Summary) -> Table:
    table = Table("reason", box=None, pad_edge=False)
    for column in ("letters", "still live", "life over", "can never work"):
        table.add_column(column, justify="right")
    for reason, row in summary.reasons.items():
        table.add_row(reason, *map(str, (row.found, row.redriven, row.expired, row.refused)))
    return table


def _show_done_before(counts: Mapping[str, int]) -> None:
    for state, count in counts.items():
        console().print(f"{count} already {state}")


def _show_broken(count: int) -> None:
    if count:
        console().print(f"skipped, since it is no dead letter: {count} on {DEAD.name}")

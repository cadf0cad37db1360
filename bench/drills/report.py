"""The figures of a drill as people and programs read them, over one run or several."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from bench.drills.drills import Drill, Size, limits_of
from bench.drills.limits import Limit, Value
from bench.drills.results import Result
from bench.line import Line

MEANINGS: Final = {  # figure -> unit and meaning, in the order of the table
    "detected_s": (" s", "from the onset until a broken carrier had less than half of its share, or was named"),
    "named_s": (" s", "until an incident was opened"),
    "drained_s": (" s", "until broken carriers had under 20 % in every country, by the route tables"),
    "drained_seen_s": (" s", "until then by what reached the carriers"),
    "elsewhere_s": (" s", "from the first swallowed message to the next one of its code at another carrier"),
    "requested": ("", "codes were asked for since the onset"),
    "swallowed": ("", "codes' first messages were swallowed by a broken carrier"),
    "rescued": ("", "of these were delivered by a later message"),
    "rescued_percent": (" %", "of the swallowed ones"),
    "undelivered": ("", "codes were neither delivered nor verified within their life"),
    "undelivered_per_mille": ("", "of 1,000 requested"),
    "notify_undelivered": ("", "by GOV.UK Notify's rules, with the same requests and no second message"),
    "named_rightly": ("", "1: every incident has the right cause and carrier"),
    "incidents": ("", "incidents"),
    "moved_wrongly": ("", "points of share taken from carriers that work, by moves of more than 5 points"),
    "moves": ("", "moves of more than 5 points"),
    "moves_later": ("", "of these, more than 30 s after the onset"),
    "returns": ("", "times that a broken carrier came back over 20 %"),
    "waits_grow": ("", "1: it waited longer each time"),
    "not_accepted": ("", "requests were not accepted"),
    "ended": ("", "times that a process ended by itself"),
    "taken_back_sent": ("", "messages were sent for requests that their caller took back"),
    "evidence_age_s": (" s", "was the oldest that the statistics ever were"),
    "lost": ("", "accepted requests were lost"),
    "late": ("", "messages were sent after the code's life"),
    "mixed": ("", "requests got two different codes"),
    "misrouted": ("", "messages went to a wrong number"),
    "duplicates_excused": ("", "messages were doubled, where the outcome was unknowable"),
    "duplicates_unexcused": ("", "messages were doubled without an excuse"),
}


def lines(drill: Drill, results: Sequence[Result]) -> Iterator[Line]:
    """Give every figure beside its limit."""
    limits = {limit.figure: limit for limit in limits_of(drill)}
    for figure, (unit, meaning) in MEANINGS.items():
        values = _values(figure, results)
        yield _line(values, limits.get(figure), unit, meaning)


def holds(drill: Drill, results: Sequence[Result]) -> bool:
    """Tell whether every limit holds."""
    return all(limit.holds(_values(limit.figure, results)) for limit in limits_of(drill))


def document(drill: Drill, size: Size, results: Sequence[Result]) -> dict[str, Any]:
    """Give the JSON: the one run, or the medians with all runs beside them."""
    missed = [limit.figure for limit in limits_of(drill) if not limit.holds(_values(limit.figure, results))]
    first = asdict(results[0])
    found = first if len(results) == 1 else {**first, **_medians(results), "runs": [asdict(one) for one in results]}
    return {**found, "met": not missed, "missed": missed, "conditions": conditions(size)}


def conditions(size: Size) -> Mapping[str, Any]:
    """Give what is the same for every drill, and how long this one was."""
    return {
        "requests_per_s": size.rate,
        "countries": ["GB", "US"],
        "broken_after_s": size.before_s,
        "observed_s": size.observed_s,
        "entered_after_s": size.enter_after_s,
    }


def sentence(size: Size) -> str:
    """Say the same for people."""
    entered = f"after {size.enter_after_s[0]:g} to {size.enter_after_s[1]:g} s" if size.enter_after_s else "never"
    return (
        f"{size.rate:g} requests/s, half of them in GB and half in US; three carriers, of which those that work deliver"
        f" everything and report it as usual; people enter a delivered code {entered}; the fault"
        f" comes after {size.before_s:g} s, observed for {size.observed_s:g} s from then on"
    )


def words(result: Result) -> Iterator[str]:
    """Give what the system said, and what was broken."""
    yield f"broken: {', '.join(result.broken) or 'nothing'}"
    if result.why:
        yield f"the move: {result.why}"
    yield f"the incident: {result.cause}: {result.summary}" if result.cause else "the incident: none"
    yield from result.not_cause
    if result.waits_s:
        yield f"waits before a return: {', '.join(f'{wait:g} s' for wait in result.waits_s)}"


def _values(figure: str, results: Sequence[Result]) -> list[Value]:
    return [getattr(result, figure) for result in results]


def _line(values: Sequence[Value], limit: Limit | None, unit: str, meaning: str) -> Line:
    return Line(
        value=_shown(values, unit),
        meaning=meaning,
        target=f"{limit}{unit}" if limit else "",
        met=limit.holds(values) if limit else None,
    )


def _shown(values: Sequence[Value], unit: str) -> str:
    each = ["none" if value is None else f"{value:.5g}" for value in values]
    if len(values) == 1:
        return each[0] + (unit if values[0] is not None else "")
    middle = _median(values)
    return f"{'none' if middle is None else f'{middle:.5g}{unit}'} ({', '.join(each)})"


def _medians(results: Sequence[Result]) -> dict[str, Value]:
    return {figure: _median(_values(figure, results)) for figure in MEANINGS}


def _median(values: Sequence[Value]) -> Value:
    """Give the median; none where some run has none: it would be of the others alone."""
    known = [value for value in values if value is not None]
    return round(median(known), 3) if len(known) == len(values) else None

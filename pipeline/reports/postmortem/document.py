"""The postmortem itself, Markdown, with the sections that teams use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.records import Cause, Phase
from pipeline.reports.postmortem.codes import Code
from pipeline.reports.postmortem.events import Event, What
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.impact import Count, Impact
from pipeline.reports.postmortem.moves import drained_at, noticed_at
from pipeline.reports.postmortem.orders import given, ordered
from pipeline.reports.postmortem.tasks import tasks
from pipeline.reports.postmortem.wording import clock, lasted, plain, table, where

COUNTRIES: Final = 20  # rows; the others are put together
SECTIONS: Final = (
    "Summary",
    "Impact",
    "Timeline",
    "Cause, and what it was not",
    "What the system did",
    "What operators did",
    "Open tasks",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The files beside the document."""

    chart: str
    sheet: str | None  # none: no provider is blamed
    csv: str | None


def document(facts: Facts, found: Impact, events: Sequence[Event], names: Names) -> str:
    """Write it. Whatever is missing of the facts, every section says something."""
    texts = (
        _summary(facts, found, events),
        _impact(facts, found, names),
        _timeline(found, events),
        _cause(facts, names),
        _system(facts, found, events),
        _operators(facts),
        [f"- [ ] {task}" for task in tasks(facts, found, noticed_at(facts, events) - found.onset_at)],
    )
    lines = [f"# Postmortem: {plain(facts.incident.summary)}", "", *_head(facts, found)]
    for heading, text in zip(SECTIONS, texts, strict=True):
        lines += ["", f"## {heading}", "", *text]
    return "\n".join(lines) + "\n"


def _head(facts: Facts, found: Impact) -> list[str]:
    incident = facts.incident
    end = clock(facts.until) if incident.phase is Phase.CLOSED else "still open"
    rows = [
        ("incident", f"`{incident.incident_id}`"),
        ("cause", incident.cause.value),
        ("where", where(facts)),
        ("onset", clock(found.onset_at)),
        ("opened", clock(incident.opened_at)),
        ("closed", end),
        ("length", lasted(facts.until - found.onset_at) + ("" if incident.phase is Phase.CLOSED else " so far")),
        ("written from the topics as of", clock(facts.as_of)),
    ]
    return table(("", "all times are UTC"), rows)


def _summary(facts: Facts, found: Impact, events: Sequence[Event]) -> Iterator[str]:
    total, noticed = found.total, noticed_at(facts, events)
    drained = drained_at(facts, found.onset_at)
    yield f"{plain(facts.incident.summary)}."
    yield f"It was noticed {lasted(noticed - found.onset_at)} after the first message was lost" + (
        f", and {facts.incident.provider} was left with next to no traffic after {lasted(drained - found.onset_at)}."
        if drained
        else "."
    )
    yield (
        f"Since the onset {total.requested} codes were requested; {total.swallowed} were swallowed, of which "
        f"{total.rescued} were rescued by another message. {total.undelivered} of the requested codes were neither "
        f"delivered nor entered{' so far' if total.alive else ''}."
    )


def _impact(facts: Facts, found: Impact, names: Names) -> Iterator[str]:
    yield from table(("country", "requested", "swallowed", "rescued", "undelivered", "entered"), _rows(found))
    yield ""
    if found.total.alive:
        yield (
            f"Of the undelivered codes {found.total.alive} were still alive when this was written, and may yet arrive."
        )
        yield ""
    if found.total.refused:
        yield f"Entries of a wrong or late code for them: {found.total.refused}."
        yield ""
    yield f"![Shares of the traffic, and what of it was delivered]({names.chart})"
    yield ""
    yield "How it is counted:"
    yield ""
    yield from (f"- {line}" for line in _counted(facts, found))


def _rows(found: Impact) -> Iterator[tuple[object, ...]]:
    countries = list(found.of_country.items())
    shown, others = countries[:COUNTRIES], countries[COUNTRIES:]
    for country, count in shown:
        yield _row(country, count)
    if others:
        yield _row(f"{len(others)} others", sum((count for _, count in others), Count()))
    yield _row("**all**", found.total)


def _row(name: str, count: Count) -> tuple[object, ...]:
    return name, count.requested, count.swallowed, count.rescued, count.undelivered, count.entered


def _counted(facts: Facts, found: Impact) -> Iterator[str]:
    yield (
        "requested: every code, of any country and provider, whose first message left since the onset, or that died "
        "before one did"
    )
    if facts.incident.cause is Cause.SIGNAL:
        yield "swallowed, rescued: not counted, since what is missing is the sign by which a message is known to arrive"
    else:
        yield f"swallowed: the first message went through {where(facts)} and is not known to have arrived"
        yield "rescued: swallowed codes that a later message brought, or that were entered, within their life"
    yield "undelivered: requested codes without a receipt that says DELIVERED within their life, and not entered"
    yield (
        "a message without a receipt counts as arrived only where its code was entered before another one left; "
        f"{_untold(facts, found)} requested codes arrived by an entry alone. One that arrived without a receipt and "
        "was never entered counts as undelivered: the topics cannot know of it"
    )
    for provider in sorted(found.fakes):
        yield f"the receipts of {provider} are not believed: people entered few of the codes that it reported delivered"


def _untold(facts: Facts, found: Impact) -> int:
    return sum(_by_entry_alone(code) for code in found.known if found.onset_at <= code.asked_at <= facts.until)


def _by_entry_alone(code: Code) -> bool:
    reported = any(message.delivered and message.receipt for message in code.messages)
    return code.entered_at is not None and not reported


def _timeline(found: Impact, events: Sequence[Event]) -> list[str]:
    rows = [(clock(one.at), lasted(one.at - found.onset_at), one.what.value, one.says) for one in events]
    return table(("at", "since the onset", "what", ""), rows)


def _cause(facts: Facts, names: Names) -> Iterator[str]:
    incident = facts.incident
    yield f"Cause: **{incident.cause.value}**. {plain(incident.summary)}."
    yield ""
    if incident.not_causes:
        yield "What it was not:"
        yield ""
        yield from (f"- {plain(text)}" for text in incident.not_causes)
    else:
        yield "Nothing else was ruled out."
    if names.sheet:
        yield ""
        yield f"What the provider needs to look into it: [{names.sheet}]({names.sheet}), [{names.csv}]({names.csv})."


def _system(facts: Facts, found: Impact, events: Sequence[Event]) -> Iterator[str]:
    yield f"- named it {lasted(facts.incident.opened_at - found.onset_at)} after the onset"
    changes = [one for one in events if one.what in {What.NOTICED, What.MOVED, What.RETURN, What.LEFT_OUT}]
    yield from (f"- {one.says}" for one in changes if one.what in {What.NOTICED, What.RETURN})
    if changes:
        yield f"- changed shares {len(changes)} times in all, as the timeline has it"
    else:  # the tables are gone: the incident has kept their sentences
        yield from (f"- {plain(text)}" for text in facts.incident.done)
    yield f"- sent swallowed codes again: {found.total.rescued} of {found.total.swallowed} were rescued"


def _operators(facts: Facts) -> Iterator[str]:
    orders = given(facts)
    if not orders:
        yield "Nobody did anything: no order of an operator was in force while it lasted."
    for one in orders:
        withdrawn = f"; withdrawn at {clock(one.withdrawn_at)}" if one.withdrawn_at else ""
        yield f"- {clock(one.order.at)}: {ordered(one.order)}{withdrawn}"

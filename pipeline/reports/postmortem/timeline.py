"""What happened when, from the stream: losses, tables, the incident's own phases, orders, second sends."""

from collections.abc import Iterator
from itertools import pairwise

from pipeline.records import Incident, Phase
from pipeline.reports.postmortem.events import Event, What
from pipeline.reports.postmortem.facts import Facts, PastOrder
from pipeline.reports.postmortem.impact import Impact, swallowed
from pipeline.reports.postmortem.moves import moves, shortened
from pipeline.reports.postmortem.orders import given, ordered, what
from pipeline.reports.postmortem.wording import lasted, plain, where, without_numbers


def timeline(facts: Facts, found: Impact) -> list[Event]:
    """Give everything that happened, oldest first."""
    moved = shortened(list(moves(facts, found.onset_at)))
    events = [_onset(facts, found), *moved, *_phases(facts), *_orders(facts), *_second_sends(facts, found)]
    return sorted(events, key=lambda event: event.at)


def _onset(facts: Facts, found: Impact) -> Event:
    says = f"messages through {where(facts)} are missing from here on"
    return Event(at=found.onset_at, what=What.ONSET, says=says)


def _phases(facts: Facts) -> Iterator[Event]:
    incident = facts.incident
    told = facts.told or [incident]
    yield Event(at=incident.opened_at, what=What.INCIDENT, says=f"opened: {_named(told[0])}")
    for before, now in pairwise(told):
        again = before.phase is Phase.CLOSED and now.phase is not Phase.CLOSED
        if again:
            yield Event(at=now.updated_at, what=What.INCIDENT, says=f"opened again: {_named(now)}")
        elif _scope(before) != _scope(now):
            yield Event(at=now.updated_at, what=What.INCIDENT, says=f"known better: {_named(now)}")
        if now.phase is Phase.CLOSED and before.phase is not Phase.CLOSED:
            yield Event(at=now.closed_at or now.updated_at, what=What.INCIDENT, says="closed")
    if len(told) == 1 and incident.closed_at:
        yield Event(at=incident.closed_at, what=What.INCIDENT, says="closed")


def _scope(incident: Incident) -> tuple[object, ...]:
    return incident.cause, incident.provider, incident.country, incident.config


def _named(incident: Incident) -> str:
    return f"{incident.cause.value}: {plain(incident.summary)}"


def _orders(facts: Facts) -> Iterator[Event]:
    for one in given(facts):
        yield Event(at=one.order.at, what=What.OPERATOR, says=ordered(one.order))
        if end := _end(facts, one):
            yield end


def _end(facts: Facts, one: PastOrder) -> Event | None:
    if one.ends_at > min(facts.until, facts.as_of):
        return None
    how = "withdrawn" if one.withdrawn_at == one.ends_at else "expired"
    says = f"{how}: {what(one.order)}, by {without_numbers(one.order.author)}"
    return Event(at=one.ends_at, what=What.OPERATOR, says=says)


def _second_sends(facts: Facts, found: Impact) -> Iterator[Event]:
    """Tell when the first swallowed code went out again, and when the last one did."""
    again = [
        (code.messages[1].attempt.sent_at, code.messages[1].attempt.provider, code.asked_at)
        for code in found.known
        if len(code.messages) > 1 and code.asked_at >= found.onset_at and swallowed(facts, code)
    ]
    if again:
        at, provider, asked_at = min(again)
        says = f"the first swallowed code goes out again, through {provider}, {lasted(at - asked_at)} after it was lost"
        yield Event(at=at, what=What.SENT_AGAIN, says=says)
    if len(again) > 1:
        at, provider, _ = max(again)
        says = f"the last swallowed code so far goes out again, through {provider}: {len(again)} in all"
        yield Event(at=at, what=What.SENT_AGAIN, says=says)

"""Route tables -> when trouble was noticed, where the traffic went, and when it came back."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pipeline.records import RouteState, RouteTable
from pipeline.reports.postmortem.events import Event, What
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.wording import plain

DRAINED: Final = 0.2  # a provider with less than this share of a country is drained
MOST: Final = 60  # changes of tables that are listed; of more the ones in the middle are left out
BAD: Final = frozenset({RouteState.SUSPECT, RouteState.BROKEN})
BACK: Final = frozenset({RouteState.RETURNING, RouteState.NORMAL})


def moves(facts: Facts, onset_at: datetime) -> Iterator[Event]:
    """Give the changes of the tables that the incident concerns, oldest first."""
    before: dict[str, RouteTable] = {}
    for table in _concerned(facts):
        if onset_at <= table.changed_at <= facts.until:
            what = _kind(facts, before.get(table.country), table)
            yield Event(at=table.changed_at, what=what, says=_sentence(table))
        before[table.country] = table


def shortened(events: Sequence[Event]) -> Iterator[Event]:
    """Leave out the middle of a long list, but nothing of note."""
    half = MOST // 2
    left_out = 0
    for place, event in enumerate(events):
        if event.what is What.MOVED and half <= place < len(events) - half:
            left_out += 1
        else:
            yield event
    if left_out:
        says = f"from here on {left_out} more changes of shares are left out"
        yield Event(at=events[half].at, what=What.LEFT_OUT, says=says)


def noticed_at(facts: Facts, events: Sequence[Event]) -> datetime:
    """Give when it was noticed: by a table or, where none is left, by the opening of the incident."""
    tables = (event.at for event in events if event.what is What.NOTICED)
    return min([*tables, facts.incident.opened_at])


def drained_at(facts: Facts, onset_at: datetime) -> datetime | None:
    """Give when its provider had next to no traffic in every country; none where it has no provider, or never."""
    if not facts.of_one_provider:
        return None
    fell: dict[str, datetime | None] = {}
    for table in _concerned(facts):
        share = sum(route.share for route in table.routes if route.provider == facts.incident.provider)
        if table.changed_at < onset_at:
            if share >= DRAINED:
                fell[table.country] = None
            else:
                fell.pop(table.country, None)
        elif share < DRAINED and table.country in fell:
            fell[table.country] = fell[table.country] or table.changed_at
    instants = [at for at in fell.values() if at]
    return max(instants) if instants and len(instants) == len(fell) else None


def _concerned(facts: Facts) -> list[RouteTable]:
    """Give the changed tables of the countries that it concerns; heartbeats say nothing new."""
    tables = [table for table in facts.tables if facts.incident.country in {None, table.country}]
    newest: dict[tuple[str, datetime], RouteTable] = {}
    for table in tables:
        newest.setdefault((table.country, table.changed_at), table)
    return sorted(newest.values(), key=lambda table: (table.changed_at, table.country))


def _sentence(table: RouteTable) -> str:
    text = plain(table.why)
    return text if table.country in text else f"{table.country}: {text}"


def _kind(facts: Facts, before: RouteTable | None, table: RouteTable) -> What:
    old = {route.provider: route.state for route in before.routes} if before else {}
    steps = [
        (old.get(route.provider, RouteState.NORMAL), route.state)
        for route in table.routes
        if facts.concerns(route.provider, table.country)
    ]
    if any(was not in BAD and now in BAD for was, now in steps):
        return What.NOTICED
    if any(was in BAD and now in BACK for was, now in steps):
        return What.RETURN
    return What.MOVED

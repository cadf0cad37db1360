"""Worlds in which incidents happen: messages by the second, what is heard of them, and tables written by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final

from pipeline.evidence.delays import ENTRY_FLOOR_S, ENTRY_MEDIAN_S, come_by, usual_arrivals
from pipeline.evidence.routes import NOTHING, Evidence, RouteName
from pipeline.incidents import Watch
from pipeline.records import Cell, Counts, Incident, Mode, Route, RouteState, RouteTable

START: Final = 1_800_000_000
ONSET: Final = 60  # seconds after the start: so long all is well
NOTICED: Final = ONSET + 8  # from then on the tables say so
OVER: Final = ONSET + 60  # when a fault of a minute is over
SEEN_OVER: Final = OVER + 8
HEARD_S: Final = 45  # nothing comes later

PROVIDERS: Final = ("carrier-a", "carrier-b", "carrier-c")
COUNTRIES: Final = ("GB", "US")
CONFIGURED: Final = {"*": {"carrier-a": 80.0, "carrier-b": 10.0, "carrier-c": 10.0}}
A_GB, A_US = ("carrier-a", "GB"), ("carrier-a", "US")

_RECEIPTS: Final = come_by(usual_arrivals())
_ENTRIES: Final = come_by(usual_arrivals(ENTRY_FLOOR_S, ENTRY_MEDIAN_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of the messages of one route, second and configuration."""

    sent: int = 10
    receipts: float = 0.95  # share with a receipt of delivery
    entries: float = 0.8  # share whose code is entered
    refused: bool = False  # none of them is taken
    denied: bool = False  # the same, for our credential
    rescued: bool = False  # after 10 s each is sent again
    receipts_until: int = 10**9  # second in which the last receipt comes in
    entries_until: int = 10**9
    missed: float = 0.0  # share for which people ask again after 10 s


USUAL: Final = Fate()
LOST: Final = Fate(receipts=0.0, entries=0.0)

Fates = Callable[[int, str, str], Mapping[str, Fate]]  # second, provider and country -> by configuration
States = Callable[[int], Mapping[RouteName, RouteState]]  # second -> those that are not normal
Modes = Callable[[int], Mapping[str, Mode]]


def always(_second: int, _provider: str, _country: str) -> dict[str, Fate]:
    """Let all be well."""
    return {"v1": USUAL}


def since_onset(fate: Fate, *where: RouteName) -> Fates:
    """Let these routes have this fate from the onset on; all of them when none is named."""

    def fates(second: int, provider: str, country: str) -> dict[str, Fate]:
        hit = second >= ONSET and (not where or (provider, country) in where)
        return {"v1": fate if hit else USUAL}

    return fates


def broken(*where: RouteName, since: int = NOTICED, until: int = 10**9) -> States:
    """Let the tables call these routes broken for some time."""
    return lambda second: dict.fromkeys(where, RouteState.BROKEN) if since <= second < until else {}


def at(second: int) -> datetime:
    """Give the instant of a second."""
    return datetime.fromtimestamp(START + second, UTC)


@dataclass(slots=True, kw_only=True)
class World:
    """Lives on second by second; `told` is what the watch has said, with the second in which it did."""

    fates: Fates = always
    states: States = field(default_factory=lambda: lambda _: {})
    modes: Modes = field(default_factory=lambda: lambda _: {})
    countries: tuple[str, ...] = COUNTRIES
    watch: Watch = field(default_factory=lambda: Watch(CONFIGURED))
    evidence: Evidence = field(default_factory=Evidence)
    told: list[tuple[int, Incident]] = field(default_factory=list)
    second: int = 0
    why: str = "because"
    _known: dict[tuple[int, RouteName, str], Counts] = field(default_factory=dict)
    _tables: dict[str, RouteTable] = field(default_factory=dict)

    def live(self, until: int) -> list[Incident]:
        """Live until a second, not in it; give what is told meanwhile."""
        before = len(self.told)
        while self.second < until:
            self._hear()
            incidents = self.watch.look(self.evidence, self.tables(), START + self.second)
            self.told += [(self.second, incident) for incident in incidents]
            self.second += 1
        return [incident for _, incident in self.told[before:]]

    @property
    def newest(self) -> dict[str, Incident]:
        """Give every incident as it was told last."""
        return {incident.incident_id: incident for _, incident in self.told}

    @property
    def only(self) -> Incident:
        """Give the one incident, as it was told last."""
        (incident,) = self.newest.values()
        return incident

    def tables(self) -> dict[str, RouteTable]:
        """Give the tables of this second."""
        for country in self.countries:
            table = self._table(country)
            before = self._tables.get(country)
            if before is None or (before.mode, before.routes) != (table.mode, table.routes):
                self._tables[country] = table
        return self._tables

    def _table(self, country: str) -> RouteTable:
        states = self.states(self.second)
        return RouteTable(
            country=country,
            revision=1,
            decided_at=at(self.second),
            changed_at=at(self.second),
            mode=self.modes(self.second).get(country, Mode.AUTOMATIC),
            why=f"{country}: {self.why} at {self.second}",
            routes=tuple(route(name, states.get((name, country), RouteState.NORMAL)) for name in PROVIDERS),
        )

    def _hear(self) -> None:
        for second in range(max(self.second - HEARD_S, 0), self.second + 1):
            for country in self.countries:
                for provider in PROVIDERS:
                    for config, fate in self.fates(second, provider, country).items():
                        self._count(second, (provider, country), config, fate)

    def _count(self, second: int, name: RouteName, config: str, fate: Fate) -> None:
        receipts_age, entries_age = min(self.second, fate.receipts_until), min(self.second, fate.entries_until)
        counts = counted(fate, self.second - second, receipts_age - second, entries_age - second)
        before = self._known.get((second, name, config), NOTHING)
        if counts is not before:
            self._known[second, name, config] = counts
            if counts != before:
                self.evidence.add(Cell(START + second, *name, config, counts), START + self.second, before)


def route(provider: str, state: RouteState) -> Route:
    """Give a route of a table."""
    normal = 0.01 if state is RouteState.BROKEN else 0.99
    return Route(provider=provider, share=0.3, state=state, normal=normal, usual=0.95, due=0.0, seen=0, window_s=8)


@cache
def counted(fate: Fate, age: int, receipts_age: int, entries_age: int) -> Counts:
    """Give what is counted of messages of this age, whose receipts and entries have come up to those."""
    if fate.refused or fate.denied:
        return Counts(refused=fate.sent, denied=fate.sent if fate.denied else 0, first=fate.sent)
    return Counts(
        accepted=fate.sent,
        creditable=fate.sent,
        first=fate.sent,
        delivered=_come(fate.sent * fate.receipts, _RECEIPTS, receipts_age),
        verified=_come(fate.sent * fate.entries, _ENTRIES, entries_age),
        rescued=fate.sent if fate.rescued and age >= 10 else 0,
        missed=round(fate.sent * fate.missed) if age >= 10 else 0,
    )


def _come(whole: float, come: list[float], age: int) -> int:
    return round(whole * come[age]) if age >= 0 else 0


def a_minute(*where: tuple[str, str], fate: Fate = LOST, moved: bool = False) -> Fates:
    """Let these routes be bad for a minute; `moved`: they get nothing any more from when the tables say so."""

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        hit = ONSET <= second < OVER and (provider, country) in where
        if hit and moved and second >= NOTICED:
            return {}
        return {"v1": fate if hit else USUAL}

    return fates


def a_minute_of_a() -> World:
    """Let the leader be bad for a minute, in all countries."""
    return World(fates=a_minute(A_GB, A_US), states=broken(A_GB, A_US, until=SEEN_OVER))

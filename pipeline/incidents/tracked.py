"""One incident on its way from opened to closed."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from pipeline.evidence.routes import WINDOW_S, RouteName
from pipeline.incidents.diagnosis import Diagnosis
from pipeline.incidents.impact import Affected, Codes, ImpactCounter
from pipeline.incidents.measure import Sign
from pipeline.incidents.scope import OF_ONE_PROVIDER, WHOLE, Scope
from pipeline.incidents.wording import instant, opened, said_anew, with_done, within
from pipeline.incidents.world import CALM, LOOKBACK_S, World
from pipeline.records import Cause, Incident, Phase, RouteTable

YOUNG_S: Final = 60  # after its scope has changed: so long it may still change
NARROWS_S: Final = 15  # before it is said of a provider that it fails in some countries only, without proof
CALM_S: Final = 60  # without trouble, and it is over
TELL_EVERY_S: Final = 10


class TrackedIncident:
    """An incident as it stands, and what follows from one look to the next. Instants are epoch seconds."""

    def __init__(self, incident: Incident, impact: ImpactCounter, sign: Sign, now: float) -> None:
        self.incident = incident
        self.routes: frozenset[RouteName] = frozenset()  # that are or were in trouble
        self.told: Incident | None = None  # as it was told last
        self._urgent = True  # to be told at once
        self._scoped_at = now
        self._bad_at = now
        self._sick: frozenset[RouteName] = frozenset()  # of the routes, those that have not come back
        self._impact = impact
        self._sign = sign  # by which it shows
        self._changes: dict[str, datetime] = {}  # of the tables, the newest that is noted
        self._reopened = False
        self.ended = False  # it has become part of another incident

    @classmethod
    def open(cls, diagnosis: Diagnosis, now: float) -> "TrackedIncident":
        """Begin with a fault."""
        tracked = cls(opened(diagnosis, now), ImpactCounter(diagnosis.onset), diagnosis.sign, now)
        tracked.claim(diagnosis.fault.routes)
        return tracked

    @classmethod
    def resume(cls, incident: Incident, world: World, routes: Collection[RouteName]) -> "TrackedIncident":
        """Go on with what was told before a restart. `routes` are those in trouble that belong to it."""
        onset = int(incident.onset_at.timestamp())
        impact = ImpactCounter(onset)
        if onset < world.second - WINDOW_S:  # the evidence has forgotten what was counted then
            counted = Codes(incident.requested, incident.swallowed, incident.rescued)
            impact = ImpactCounter(int(incident.updated_at.timestamp()) + 1, counted)
        measured = world.measure(routes, max(onset, world.second - LOOKBACK_S))
        by_entries = measured.entries.fallen and not measured.receipts.fallen
        tracked = cls(incident, impact, Sign.ENTRIES if by_entries else Sign.RECEIPTS, world.now)
        tracked.told, tracked._urgent = incident, False
        tracked._scoped_at = incident.opened_at.timestamp()
        tracked._changes = dict.fromkeys(world.tables, incident.updated_at)
        tracked.claim(routes)
        return tracked

    @property
    def scope(self) -> Scope:
        """Give what makes it the same fault at another look."""
        return Scope.of(self.incident)

    @property
    def onset(self) -> float:
        """Give the send second since when messages are missing."""
        return self.incident.onset_at.timestamp()

    @property
    def closed(self) -> bool:
        """Tell whether it is over."""
        return self.incident.phase is Phase.CLOSED

    def young(self, now: float) -> bool:
        """Tell whether its scope may still change."""
        return now - self._scoped_at < YOUNG_S

    def claim(self, names: Collection[RouteName]) -> None:
        """Take routes that are in trouble."""
        self.routes |= frozenset(names)
        self._sick |= frozenset(names)

    def take(self, diagnosis: Diagnosis, now: float) -> None:
        """Say anew what it is, while it is young. Another fault than before, or more routes, is told at once."""
        scope, routes = diagnosis.fault.scope, diagnosis.fault.routes
        if scope == self.scope or self._may_become(diagnosis, now):
            if scope != self.scope or (scope.cause is Cause.ROUTE and not routes <= self.routes):
                self._scoped_at, self._urgent = now, True
            if self.young(now):
                self.incident, self._sign = said_anew(self.incident, diagnosis, now), diagnosis.sign
                self._count_from(diagnosis.onset)
        self.claim(routes)

    def _may_become(self, diagnosis: Diagnosis, now: float) -> bool:
        """Tell whether it may turn out to be another fault. A narrower one needs proof, or some time."""
        narrower = diagnosis.fault.scope.cause is Cause.ROUTE and self.scope.cause in WHOLE
        waited = self.scope.cause is Cause.PROVIDER and now - self._scoped_at >= NARROWS_S
        proven = diagnosis.fine_elsewhere or waited
        return self.young(now) and (proven or not narrower)

    def reopen(self, now: float) -> None:
        """Go on after it was closed, and count only what is sent from the new onset on."""
        self.incident = replace(self.incident, phase=Phase.UPDATED, closed_at=None)
        self._reopened = self._urgent = True
        self._scoped_at = self._bad_at = now

    def end_within(self, other: "TrackedIncident") -> None:
        """Close it: it is part of another incident."""
        self.ended = True
        self.incident = within(self.incident, other.incident)

    def look(self, world: World, trouble: Collection[RouteName], *, alarmed: bool) -> Incident | None:
        """Go on by one look; give what is to be told. `alarmed`: all routes together show less than usual."""
        self._sick = frozenset(name for name in self._sick if world.state(name) not in CALM)
        self._sick |= self.routes & frozenset(trouble)
        if self._sick or (alarmed and (self.scope.everywhere or self.scope.cause is Cause.FRAUD)):
            self._bad_at = world.now
        self._note_done(world)
        if self.ended or world.now - self._bad_at >= CALM_S:
            return self._close(world)
        return self._update(world)

    def _update(self, world: World) -> Incident | None:
        last = self.told
        if last and not self._urgent and world.now - last.updated_at.timestamp() < TELL_EVERY_S:
            return None
        codes = self._impact.count(world, self._affected(world), int(self._bad_at))
        record = self._counted(codes, phase=Phase.UPDATED if last else Phase.OPENED)
        if last and replace(record, updated_at=last.updated_at, phase=last.phase) == last:
            return None
        return self._tell(record, world.now)

    def _close(self, world: World) -> Incident:
        codes = self._impact.stop(world, self._affected(world), int(self._bad_at))
        record = self._counted(codes, phase=Phase.CLOSED)
        return self._tell(replace(record, closed_at=instant(world.now)), world.now)

    def _counted(self, codes: Codes, phase: Phase) -> Incident:
        requested, swallowed, rescued = codes
        return replace(self.incident, phase=phase, requested=requested, swallowed=swallowed, rescued=rescued)

    def _tell(self, record: Incident, now: float) -> Incident:
        self.incident = self.told = replace(record, updated_at=instant(now))
        self._urgent = False
        return self.incident

    def _count_from(self, onset: int) -> None:
        if self._reopened:
            self._impact.since = max(self._impact.since, onset)
        else:
            self._impact = ImpactCounter(int(self.onset))

    def _affected(self, world: World) -> Affected:
        """Say which messages are counted. No sign tells of them where a sign is what is missing."""
        scope, sign = self.scope, None
        if scope.cause is not Cause.SIGNAL:
            fake = self._sign is Sign.ENTRIES and scope.cause in OF_ONE_PROVIDER
            sign = Sign.ENTRIES if fake else Sign.RECEIPTS
        within = [name for name in world.evidence.routes if scope.holds(name)]
        return Affected(routes=self.routes if scope.cause is Cause.ROUTE else within, config=scope.config, sign=sign)

    def _note_done(self, world: World) -> None:
        """Note why tables have changed since the onset."""
        new = [table for table in self._tables(world) if self._is_new(table)]
        if new:
            self._changes.update((table.country, table.changed_at) for table in new)
            self.incident = with_done(self.incident, new)

    def _is_new(self, table: RouteTable) -> bool:
        noted = self._changes.get(table.country)
        return table.changed_at >= self.incident.onset_at and (noted is None or table.changed_at > noted)

    def _tables(self, world: World) -> list[RouteTable]:
        where = {country for _, country in self.routes}
        return [table for country, table in world.tables.items() if self.scope.everywhere or country in where]

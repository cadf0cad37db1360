"""All incidents: once a second, which open, change and close."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from pipeline.evidence.routes import Evidence, RouteName
from pipeline.incidents.baseline import Baselines
from pipeline.incidents.causes import find_faults
from pipeline.incidents.diagnosis import diagnose
from pipeline.incidents.picture import Fault, Picture
from pipeline.incidents.scope import Scope
from pipeline.incidents.tracked import TrackedIncident
from pipeline.incidents.trouble import Trouble
from pipeline.incidents.world import World
from pipeline.records import Cause, Incident, Phase, RouteTable

REOPENS_S: Final = 300  # after its closing, an incident whose routes break again is opened again
EXPLAIN_EVERY_S: Final = 5  # what may still change its cause, while the routes in trouble are the same

Routes = frozenset[RouteName]


class Watch:
    """Follows the evidence and the tables. `configured` are the shares of the settings, as the router has them.

    While all is well a look goes over states and the newest counts alone. Nothing is said of what is not configured.
    """

    def __init__(self, configured: Mapping[str, Mapping[str, float]]) -> None:
        self._configured = configured
        self._baselines = Baselines()
        self._open: list[TrackedIncident] = []  # oldest first
        self._closed: list[TrackedIncident] = []  # lately
        self._resumed: list[Incident] = []
        self._trouble = Trouble()
        self._explained: Routes = frozenset()  # the trouble when it was explained last ...
        self._explained_at = 0.0  # ... and when that was

    def resume(self, incidents: Iterable[Incident]) -> None:
        """Go on with what was open before a restart; what is closed changes nothing."""
        still = [incident for incident in incidents if incident.phase is not Phase.CLOSED]
        self._resumed = sorted(still, key=lambda incident: Scope.of(incident).width)  # the most particular first

    def look(self, evidence: Evidence, tables: Mapping[str, RouteTable], now: float) -> list[Incident]:
        """Look once a second, after the router has decided; give the incidents that are to be told."""
        self._baselines.learn(evidence, now, self._faulty())
        world = World(evidence, tables, self._baselines, self._configured, now)
        trouble, alarmed = self._trouble.now(world, self._known(world)), self._baselines.alarmed
        self._go_on(world, trouble)
        if not trouble and not alarmed and not self._open:
            return []
        self._explain(world, trouble, alarmed=alarmed)
        told = [tracked.look(world, trouble, alarmed=alarmed) for tracked in self._open]
        self._put_away(now)
        return [incident for incident in told if incident]

    def _faulty(self) -> list[tuple[Scope, float]]:
        """Give scopes and onsets of what is open: nothing usual is learned there."""
        incidents = chain(self._resumed, (tracked.incident for tracked in self._open))
        return [(Scope.of(incident), incident.onset_at.timestamp()) for incident in incidents]

    def _go_on(self, world: World, trouble: Routes) -> None:
        """Track the incidents from before a restart again."""
        for incident in self._resumed:
            left = trouble - self._claimed()
            mine = frozenset(name for name in left if Scope.of(incident).holds(name))
            self._open.append(TrackedIncident.resume(incident, world, mine))
        self._resumed = []

    def _known(self, world: World) -> Routes:
        """Give the routes that are or may be part of what is open."""
        before = [Scope.of(incident) for incident in self._resumed]
        return self._claimed() | {name for name in world.routes if any(scope.holds(name) for scope in before)}

    def _claimed(self) -> Routes:
        return frozenset().union(*(tracked.routes for tracked in self._open))

    def _explain(self, world: World, trouble: Routes, *, alarmed: bool) -> None:
        """Find out what is wrong where nobody knows yet, or where it may still turn out to be something else."""
        free = self._reopen(self._hand_out(trouble), world.now)
        young = [tracked for tracked in self._open if tracked.young(world.now)]
        unknown = alarmed and not any(tracked.scope.everywhere for tracked in self._open)
        stale = trouble != self._explained or world.now - self._explained_at >= EXPLAIN_EVERY_S
        if not free and not ((young or unknown) and stale):
            return
        self._explained, self._explained_at = trouble, world.now
        pool = free.union(*(tracked.routes for tracked in young))
        known = frozenset().union(
            *(tracked.routes for tracked in self._open if tracked not in young and tracked.scope.final)
        )
        self._tell_apart(Picture(world, pool, known), young)

    def _hand_out(self, trouble: Routes) -> Routes:
        """Give routes in trouble to the incidents whose scope they are in; give what is left."""
        free = trouble - self._claimed()
        for tracked in self._open:
            mine = frozenset(name for name in free if tracked.scope.claims(name))
            tracked.claim(mine)
            free -= mine
        return free

    def _reopen(self, free: Routes, now: float) -> Routes:
        """Open again what has closed lately and breaks again; give what is left."""
        for tracked in self._lately_closed(now):
            if free & tracked.routes and not tracked.scope.everywhere:
                self._open_again(tracked, now)
                free -= tracked.routes
        return free

    def _tell_apart(self, picture: Picture, young: Collection[TrackedIncident]) -> None:
        """Bring faults and incidents together: one for each, and none beside."""
        now, faults = picture.world.now, find_faults(picture)
        matched: list[TrackedIncident] = []
        for fault in faults:
            diagnosis, tracked = diagnose(picture, fault), self._tracked_by(fault, matched, now)
            if tracked:
                tracked.take(diagnosis, now)
            else:
                tracked = TrackedIncident.open(diagnosis, now)
                self._open.append(tracked)
            matched.append(tracked)
        for tracked in young:
            within = [other for other, fault in zip(matched, faults, strict=True) if tracked.routes & fault.routes]
            if tracked not in matched and within:
                tracked.end_within(within[0])

    def _tracked_by(self, fault: Fault, taken: Collection[TrackedIncident], now: float) -> TrackedIncident | None:
        """Give the incident that a fault belongs to: of the same scope, or one that may still change into it."""
        left = [tracked for tracked in self._open if tracked not in taken]
        young = [tracked for tracked in left if tracked.young(now)]
        same = [tracked for tracked in left if tracked.scope == fault.scope]
        touching = [tracked for tracked in young if tracked.routes & fault.routes]
        wide = [tracked for tracked in young if tracked.scope.everywhere and fault.scope.everywhere]
        codes = [
            tracked
            for tracked in left
            if {tracked.scope.cause, fault.scope.cause} == {Cause.CODES, Cause.CONFIGURATION}
        ]
        again = [tracked for tracked in self._lately_closed(now) if tracked.scope == fault.scope]
        found = next(iter([*same, *touching, *wide, *codes, *again]), None)
        if found in again:
            self._open_again(found, now)
        return found

    def _lately_closed(self, now: float) -> list[TrackedIncident]:
        return [tracked for tracked in self._closed if now - tracked.incident.updated_at.timestamp() <= REOPENS_S]

    def _open_again(self, tracked: TrackedIncident, now: float) -> None:
        self._closed.remove(tracked)
        self._open.append(tracked)
        tracked.reopen(now)

    def _put_away(self, now: float) -> None:
        over = [tracked for tracked in self._open if tracked.closed]
        self._open = [tracked for tracked in self._open if not tracked.closed]
        self._closed = self._lately_closed(now) + [tracked for tracked in over if not tracked.ended]

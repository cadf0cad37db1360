"""All incidents: once a second, which open, change and close."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from pipeline.evidence.routes import Evidence, RouteName
from pipeline.incidents.case import Case
from pipeline.incidents.causes import find_faults
from pipeline.incidents.picture import Fault, Picture
from pipeline.incidents.scope import Scope
from pipeline.incidents.telling import telling
from pipeline.incidents.trouble import Trouble
from pipeline.incidents.usual import Memory
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
        self._memory = Memory()
        self._open: list[Case] = []  # oldest first
        self._closed: list[Case] = []  # lately
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
        self._memory.learn(evidence, now, self._faulty())
        world = World(evidence, tables, self._memory, self._configured, now)
        trouble, alarmed = self._trouble.now(world, self._known(world)), self._memory.alarmed
        self._go_on(world, trouble)
        if not trouble and not alarmed and not self._open:
            return []
        self._explain(world, trouble, alarmed=alarmed)
        told = [case.look(world, trouble, alarmed=alarmed) for case in self._open]
        self._put_away(now)
        return [incident for incident in told if incident]

    def _faulty(self) -> list[tuple[Scope, float]]:
        """Give scopes and onsets of what is open: nothing usual is learned there."""
        incidents = chain(self._resumed, (case.incident for case in self._open))
        return [(Scope.of(incident), incident.onset_at.timestamp()) for incident in incidents]

    def _go_on(self, world: World, trouble: Routes) -> None:
        """Make cases of the incidents from before a restart."""
        for incident in self._resumed:
            left = trouble - self._claimed()
            mine = frozenset(name for name in left if Scope.of(incident).holds(name))
            self._open.append(Case.resume(incident, world, mine))
        self._resumed = []

    def _known(self, world: World) -> Routes:
        """Give the routes that are or may be part of what is open."""
        before = [Scope.of(incident) for incident in self._resumed]
        return self._claimed() | {name for name in world.routes if any(scope.holds(name) for scope in before)}

    def _claimed(self) -> Routes:
        return frozenset().union(*(case.routes for case in self._open))

    def _explain(self, world: World, trouble: Routes, *, alarmed: bool) -> None:
        """Find out what is wrong where nobody knows yet, or where it may still turn out to be something else."""
        free = self._reopen(self._hand_out(trouble), world.now)
        young = [case for case in self._open if case.young(world.now)]
        unknown = alarmed and not any(case.scope.everywhere for case in self._open)
        stale = trouble != self._explained or world.now - self._explained_at >= EXPLAIN_EVERY_S
        if not free and not ((young or unknown) and stale):
            return
        self._explained, self._explained_at = trouble, world.now
        pool = free.union(*(case.routes for case in young))
        known = frozenset().union(*(case.routes for case in self._open if case not in young and case.scope.final))
        self._tell_apart(Picture(world, pool, known), young)

    def _hand_out(self, trouble: Routes) -> Routes:
        """Give routes in trouble to the incidents whose scope they are in; give what is left."""
        free = trouble - self._claimed()
        for case in self._open:
            mine = frozenset(name for name in free if case.scope.claims(name))
            case.claim(mine)
            free -= mine
        return free

    def _reopen(self, free: Routes, now: float) -> Routes:
        """Open again what has closed lately and breaks again; give what is left."""
        for case in self._lately_closed(now):
            if free & case.routes and not case.scope.everywhere:
                self._open_again(case, now)
                free -= case.routes
        return free

    def _tell_apart(self, picture: Picture, young: Collection[Case]) -> None:
        """Bring faults and incidents together: one for each, and none beside."""
        now, faults = picture.world.now, find_faults(picture)
        cases: list[Case] = []
        for fault in faults:
            told, case = telling(picture, fault), self._case_of(fault, cases, now)
            if case:
                case.take(told, now)
            else:
                case = Case.open(told, now)
                self._open.append(case)
            cases.append(case)
        for case in young:
            within = [other for other, fault in zip(cases, faults, strict=True) if case.routes & fault.routes]
            if case not in cases and within:
                case.end_within(within[0])

    def _case_of(self, fault: Fault, taken: Collection[Case], now: float) -> Case | None:
        """Give the incident that a fault belongs to: of the same scope, or one that may still change into it."""
        left = [case for case in self._open if case not in taken]
        young = [case for case in left if case.young(now)]
        same = [case for case in left if case.scope == fault.scope]
        touching = [case for case in young if case.routes & fault.routes]
        wide = [case for case in young if case.scope.everywhere and fault.scope.everywhere]
        codes = [case for case in left if {case.scope.cause, fault.scope.cause} == {Cause.CODES, Cause.CONFIGURATION}]
        again = [case for case in self._lately_closed(now) if case.scope == fault.scope]
        found = next(iter([*same, *touching, *wide, *codes, *again]), None)
        if found in again:
            self._open_again(found, now)
        return found

    def _lately_closed(self, now: float) -> list[Case]:
        return [case for case in self._closed if now - case.incident.updated_at.timestamp() <= REOPENS_S]

    def _open_again(self, case: Case, now: float) -> None:
        self._closed.remove(case)
        self._open.append(case)
        case.reopen(now)

    def _put_away(self, now: float) -> None:
        over = [case for case in self._open if case.closed]
        self._open = [case for case in self._open if not case.closed]
        self._closed = self._lately_closed(now) + [case for case in over if not case.ended]

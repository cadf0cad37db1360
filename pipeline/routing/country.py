"""One country: its providers, what is believed of them, and the table that follows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pipeline.evidence.routes import RouteEvidence
from pipeline.records import Mode, Order, Route, RouteState, RouteTable
from pipeline.routing.explain import why
from pipeline.routing.hearing import Hearing, receipts
from pipeline.routing.joint import all_fail, recovers
from pipeline.routing.memory import PRIOR_WEIGHT, Prior
from pipeline.routing.model import RouteModel
from pipeline.routing.overrides import NO_OVERRIDES, Overrides, overrides
from pipeline.routing.recovery import SUSPECT
from pipeline.routing.shares import Candidate, lead, split
from pipeline.routing.steer import steer

RATE_S: Final = 20  # over which the rate of a country is counted
KNOWN: Final = 30.0  # messages from which on a provider is no canary ...
WELL_KNOWN: Final = 600.0  # ... once the leader is judged by so many
STEP: Final = 0.02  # a smaller change of a share is not published ...
HALVED: Final = 0.5  # ... unless a small share has become less than this much of itself
LARGE: Final = 0.05  # a larger one is published at once ...
EVERY_S: Final = 10.0  # ... and those between at most so often
STAGED: Final = 50.0  # messages a second from which on a provider gets its traffic back in stages


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One route, as it is now."""

    provider: str
    model: RouteModel
    evidence: RouteEvidence
    prior: Prior
    configured: float  # share in percent
    capacity_per_s: float | None
    begins: float
    ends: float


@dataclass(slots=True)
class Country:
    """What lasts of a country from one second to the next."""

    name: str
    leader: str | None = None  # as automation would have it
    mode: Mode = Mode.AUTOMATIC
    automatic: Mapping[str, float] = field(default_factory=dict)  # shares, before orders are followed
    told: Mapping[str, float] = field(default_factory=dict)  # ... of the newest table: what is kept while nothing moves
    shares: dict[str, float] = field(default_factory=dict)
    leads: str | None = None  # who has most, by automation or by order
    ordered: Overrides = NO_OVERRIDES  # as of the newest table
    table: RouteTable | None = None
    failed_at: int = 0  # the last second in which all providers failed together

    def decide(
        self, views: Sequence[View], orders: Collection[Order], elsewhere: Mapping[str, Hearing], now: int
    ) -> RouteTable | None:
        """Give the new table, or none when nothing has changed that is worth telling."""
        broken = [view.provider for view in views if view.model.recovery.broken]
        ordered = overrides(orders, self.name, [view.provider for view in views], broken)
        usable = [view for view in views if view.provider not in ordered.out]
        rate = _rate(views, now)
        candidates = self._candidates(usable, rate, now)
        self.mode = self._mode(usable, ordered, elsewhere, now)
        self._share(candidates, ordered, rate)
        states = {view.provider: _state(view, ordered, now) for view in views}
        if ordered == self.ordered and not self._has_changed(states, now):
            return None
        self.ordered = ordered
        return self._publish(tuple(self._route(view, states[view.provider], now) for view in views), now)

    def follow(self, table: RouteTable) -> None:
        """Go on from a table of another decider. Who leads because of a pin does so no longer than that."""
        self.table, self.mode = table, table.mode
        self.told = {route.provider: route.share for route in table.routes}
        if table.mode is not Mode.PINNED:
            self.leader = next((route.provider for route in table.routes if route.leader), None)

    def _candidates(self, usable: Sequence[View], rate: float, now: int) -> list[Candidate]:
        entering, canaries = _entering(usable), self._has_canaries(usable)
        return [_candidate(view, rate, now, entering, canary=canaries and not _known(view)) for view in usable]

    def _has_canaries(self, views: Sequence[View]) -> bool:
        """Tell whether the leader is known so well that who is not known is new."""
        return any(view.model.known >= WELL_KNOWN for view in views if view.provider == self.leader)

    def _share(self, candidates: Sequence[Candidate], ordered: Overrides, rate: float) -> None:
        """Share the traffic out: first as if nothing was ordered of it, then as it is."""
        if self.mode in {Mode.AUTOMATIC, Mode.PINNED} or not self.told:
            leader = lead(candidates, self.leader or _configured(candidates))
            self.leader, self.automatic = leader.provider, split(candidates, leader, rate)
        else:
            self.automatic = self.told
        self.shares = steer(self.automatic, candidates, ordered)
        self.leads = ordered.pinned or _leading(self.shares, self.leader)

    def _mode(self, usable: Sequence[View], ordered: Overrides, elsewhere: Mapping[str, Hearing], now: int) -> Mode:
        if ordered.pinned:
            return Mode.PINNED
        if ordered.held:
            return Mode.HELD
        leader = next((view for view in usable if view.provider == self.leader), None)
        if leader is None or len(usable) == 1:
            return Mode.AUTOMATIC
        routes = {view.provider: (view.model, view.evidence) for view in usable}
        if leader.model.unwell_since is not None and all_fail(routes, leader.provider, elsewhere, now):
            self.failed_at = now
            return Mode.ALL_BAD
        return Mode.ALL_BAD if recovers(leader.model, leader.evidence, self.failed_at, now) else Mode.AUTOMATIC

    def _route(self, view: View, state: RouteState, now: int) -> Route:
        model, heard = view.model, receipts(view.model, view.evidence, now)
        usual, _ = model.delivers(view.prior, 1.0)
        returns_at = model.recovery.returns_at
        return Route(
            provider=view.provider,
            share=round(self.shares.get(view.provider, 0.0), 4),
            state=state,
            leader=view.provider == self.leads,
            normal=round(model.now.normal, 4),
            usual=round(min(usual, 1.0), 4),
            due=round(heard.due / model.usual_receipts, 1) if model.usual_receipts else 0.0,
            seen=heard.seen,
            window_s=heard.window_s,
            silence_s=model.silence_s if model.reports else None,
            returns_at=datetime.fromtimestamp(returns_at, UTC) if returns_at > now else None,
            faults=round(model.recovery.faults, 2),
        )

    def _has_changed(self, states: Mapping[str, RouteState], now: int) -> bool:
        if self.table is None or self.table.mode is not self.mode:
            return True
        before = {route.provider: route for route in self.table.routes}
        if before.keys() != states.keys() or any(before[name].state is not state for name, state in states.items()):
            return True
        quiet = now - self.table.changed_at.timestamp() < EVERY_S
        return any(
            before[name].leader != (name == self.leads)
            or _has_moved(before[name].share, self.shares.get(name, 0.0), quiet=quiet)
            for name in states
        )

    def _publish(self, routes: tuple[Route, ...], now: int) -> RouteTable:
        at = datetime.fromtimestamp(now, UTC)
        self.told = self.automatic
        self.table = RouteTable(
            country=self.name,
            revision=self.table.revision + 1 if self.table else 1,
            decided_at=at,
            changed_at=at,
            mode=self.mode,
            why=why(self.name, self.table, self.mode, routes),
            routes=routes,
        )
        return self.table


def _candidate(view: View, rate: float, now: int, entering: float, *, canary: bool) -> Candidate:
    model = view.model
    usual, deviation = model.delivers(view.prior, entering)
    capacity = view.capacity_per_s
    by_capacity = min(1.0, capacity / rate) if capacity and rate else 1.0
    return Candidate(
        provider=view.provider,
        usual=usual,
        deviation=deviation,
        normal=model.now.normal,
        effect=model.now.effect,
        begins=view.begins,
        ends=view.ends,
        waits=model.recovery.waits(now),
        most=min(by_capacity, model.recovery.most(now) if rate >= STAGED else 1.0),
        known=_known(view),
        canary=canary,
        spare=view.configured <= 0,
    )


def _entering(views: Sequence[View]) -> float:
    """Give the share of people who enter their code."""
    creditable = sum(view.model.memory.creditable for view in views)
    return sum(view.model.memory.verified for view in views) / creditable if creditable else 0.0


def _known(view: View) -> bool:
    """Tell whether enough messages have told of a route, those of the provider's other countries included."""
    return view.model.known + view.prior.weight - PRIOR_WEIGHT >= KNOWN


def _state(view: View, ordered: Overrides, now: int) -> RouteState:
    model = view.model
    if view.provider in ordered.out:
        return RouteState.BANNED if view.provider in ordered.banned else RouteState.DRAINED
    if model.recovery.broken:
        return RouteState.BROKEN
    if model.recovery.waits(now):
        return RouteState.RETURNING
    if model.now.normal < SUSPECT:
        return RouteState.SUSPECT
    return RouteState.NORMAL if _known(view) else RouteState.CANARY


def _rate(views: Sequence[View], now: int) -> float:
    found = (view.evidence.heard(now - RATE_S, now - 1) for view in views)
    return sum(heard.sent + heard.refused for heard in found if heard) / RATE_S


def _configured(candidates: Sequence[Candidate]) -> str:
    return candidates[0].provider  # they come in the order of their configured shares


def _leading(shares: Mapping[str, float], leader: str | None) -> str:
    return leader if leader and leader in shares else max(shares, key=shares.__getitem__)


def _has_moved(before: float, after: float, *, quiet: bool) -> bool:
    if quiet:
        return abs(before - after) >= LARGE
    return abs(before - after) >= STEP or (after < before * HALVED and before > STEP / 4)

"""One provider as the router knows it: beliefs, memories and come-backs of its routes, second by second."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.evidence.delays import ENTRY_FLOOR_S, ENTRY_MEDIAN_S, Delays, come_by, quantile_s, usual_arrivals
from pipeline.evidence.routes import RouteEvidence
from pipeline.routing.belief import Now, ProviderBelief
from pipeline.routing.likelihood import AGES, SETTLED_S, Judge, Usual, judges
from pipeline.routing.memory import PRIOR_RECEIPTS, PRIOR_WEIGHT, Memory, Prior
from pipeline.routing.recovery import SUSPECT, Recovery

REFRESH_S: Final = 10  # how old the judges may get
SETTLED: Final = (SETTLED_S, SETTLED_S)
SHOWN: Final = 5  # receipts or entered codes from which on their absence says something
OVERDUE: Final = 0.99  # share of receipts that has come when one is overdue
MATURE_S: Final = 20  # of this age on, receipts say what a route usually does, however late they are
SETTLED_ENOUGH: Final = 30.0  # messages from which on it is known how many codes people enter
POOL_WEIGHT: Final = 100.0  # messages that the delays of all routes count as, for one of them
_RECEIPTS: Final = usual_arrivals()
_ENTRIES: Final = usual_arrivals(ENTRY_FLOOR_S, ENTRY_MEDIAN_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """How long receipts and entered codes take over all routes: the share that comes in each second after the send."""

    receipts: Sequence[float]
    entries: Sequence[float]

    @classmethod
    def of(cls, routes: Collection[RouteEvidence]) -> "Pooled":
        """Put together what is known of all routes."""
        return cls(
            receipts=Delays.pooled(route.receipts.delays for route in routes).arrivals(_RECEIPTS),
            entries=Delays.pooled(route.entries.delays for route in routes).arrivals(_ENTRIES),
        )


@dataclass(slots=True)
class RouteModel:
    """One route."""

    memory: Memory = field(default_factory=Memory)
    recovery: Recovery = field(default_factory=Recovery)
    now: Now = field(default_factory=lambda: Now(1.0, 1.0))
    reports: bool = False  # receipts have come from here: their absence says something
    entered: bool = False  # so have entered codes
    receipts_come: Sequence[float] = ()
    entries_come: Sequence[float] = ()
    silence_s: float = 0.0  # nearly all receipts have come by then
    usual_receipts: float = 0.0  # share of messages
    judges: Sequence[Judge] = ()  # for each of AGES
    settled: Judge | None = None
    made_at: int = 0  # when the judges were made
    lively_at: int = 0  # the last second with messages
    unwell_since: int | None = None  # the second since which it is suspect or worse
    unwell_at: int = 0  # the last second in which it was
    young_sent: float = 0.0  # messages of the last minute
    young_due: float = 0.0  # receipts of the last minute that are mature
    young_delivered: float = 0.0

    def refresh(self, evidence: RouteEvidence, prior: Prior, pooled: Pooled, now: int, *, miss_entries: bool) -> None:
        """Make the judges anew from what is usual by now. A route of which little is known is taken to be as others."""
        self.reports = self.reports or evidence.receipts.heard >= SHOWN
        known = evidence.entries.heard >= SHOWN and self.memory.creditable >= SETTLED_ENOUGH
        self.entered = self.entered or known
        receipts = evidence.receipts.delays.arrivals(pooled.receipts, POOL_WEIGHT)
        entries = evidence.entries.delays.arrivals(pooled.entries, POOL_WEIGHT)
        self.receipts_come, self.entries_come = come_by(receipts), come_by(entries)
        self.silence_s = quantile_s(receipts, OVERDUE)
        self.usual_receipts = self.memory.receipts(prior)
        usual = Usual(
            receipts=self.usual_receipts,
            failures=self.memory.failures,
            entries=self.memory.entries,
            receipts_come=self.receipts_come,
            entries_come=self.entries_come,
            use_receipts=self.reports,
            use_entries=self.entered,
            miss_entries=miss_entries,
        )
        *self.judges, self.settled = judges(usual, [*AGES, SETTLED])
        self.made_at = now

    def listen(self, evidence: RouteEvidence, now: int) -> list[list[float] | None]:
        """Give the likelihoods of the last minute, and note how many of its receipts are due and there.

        A minute in which it was unwell does not say what it usually does.
        """
        self.young_sent = self.young_due = self.young_delivered = 0.0
        well = now - self.unwell_at >= SETTLED_S
        likelihoods: list[list[float] | None] = []
        for (oldest, youngest), judge in zip(AGES, self.judges, strict=True):
            heard = evidence.heard(now - oldest, now - youngest)
            likelihoods.append(judge.likelihood(heard) if heard else None)
            self.young_sent += heard.sent if heard else 0
            if heard and well and youngest >= MATURE_S:
                self.young_due += heard.sent * self.receipts_come[youngest]
                self.young_delivered += heard.delivered
        return likelihoods

    def believe(self, now: Now, second: int) -> None:
        """Take what is believed of it now."""
        self.now = now
        self.recovery.note(now.normal, second)
        if now.normal > SUSPECT:
            self.unwell_since = None
        else:
            self.unwell_since, self.unwell_at = self.unwell_since or second, second

    def delivers(self, prior: Prior, entering: float) -> tuple[float, float]:
        """Give the usual share of messages that are delivered, and its standard deviation, the last minute included.

        It is judged by receipts, or by entered codes where there are none; `entering` is the share of the country.
        """
        if not self.reports and self.entered:
            return self.memory.enters(entering)
        normal = self.now.normal if self.reports else 0.0
        return self.memory.delivers(prior, self.young_due * normal, self.young_delivered * normal)

    @property
    def known(self) -> float:
        """Give how many messages it is judged by."""
        return self.memory.sent + self.young_sent


class ProviderModel:
    """One provider in all its countries."""

    def __init__(self, now: int) -> None:
        self.pooled = Pooled.of(())
        self.belief = ProviderBelief(settled_at=now - SETTLED_S)
        self.routes: dict[str, RouteModel] = {}
        self.miss_entries = True

    def add(self, country: str) -> RouteModel:
        """Begin to know a route."""
        self.belief.add(country)
        self.routes[country] = RouteModel()
        return self.routes[country]

    @property
    def well(self) -> bool:
        """Tell whether all is well, and all signals mean something."""
        return self.miss_entries and all(route.now.normal > SUSPECT for route in self.routes.values())

    def rates(self, country: str) -> tuple[float, float]:
        """Give the rates a second at which faults of a route begin and end, those of its provider included."""
        own = self.belief.routes[country].hazard
        if not self.belief.pooled:
            return own.begins, own.ends
        return own.begins + self.belief.hazard.begins, max(own.ends, self.belief.hazard.ends)

    def reported(self) -> tuple[float, float]:
        """Give the receipts that were due in all countries together, and those of delivery that came."""
        memories = [route.memory for route in self.routes.values() if route.reports]
        return sum(memory.due for memory in memories), sum(memory.delivered for memory in memories)

    def prior(self, country: str, reported: tuple[float, float]) -> Prior:
        """Guess what a route usually does from the provider's other countries, given what all of them reported."""
        due, delivered = reported
        if (route := self.routes[country]).reports:
            due, delivered = due - route.memory.due, delivered - route.memory.delivered
        if due <= 0:
            return Prior()
        weight = min(300.0, PRIOR_WEIGHT + 0.1 * due)
        return Prior(receipts=(delivered + PRIOR_WEIGHT * PRIOR_RECEIPTS) / (due + PRIOR_WEIGHT), weight=weight)

    def settle(self, evidence: Mapping[str, RouteEvidence], until: int) -> None:
        """Count every second up to this one for good."""
        for second in range(self.belief.settled_at + 1, until + 1):
            found = {country: evidence[country].heard(second, second) for country in self.routes}
            heard = {
                country: judge.likelihood(seen)
                for country, seen in found.items()
                if seen and (judge := self.routes[country].settled)
            }
            weights = self.belief.settle(second, heard)
            for country, route in self.routes.items():
                come = route.receipts_come[SETTLED_S] if route.reports else 0.0
                evidence[country].receipts.settle(second, second + SETTLED_S)
                evidence[country].entries.settle(second, second + SETTLED_S)
                route.memory.learn(found[country], weights[country], come)

    def freshen(self, evidence: Mapping[str, RouteEvidence], now: int) -> None:
        """Make the judges of lively routes anew, every 10 s."""
        for country, route in self.routes.items():
            if now in evidence[country].seconds or now - 1 in evidence[country].seconds:
                route.lively_at = now
            if now - route.made_at >= REFRESH_S and now - route.lively_at < SETTLED_S:
                prior = self.prior(country, self.reported())
                route.refresh(evidence[country], prior, self.pooled, now, miss_entries=self.miss_entries)

    def trust_entries(self, evidence: Mapping[str, RouteEvidence], now: int, *, miss: bool) -> None:
        """Take missing entries as a sign from now on, or do not: they may be missing for another reason."""
        if miss == self.miss_entries:
            return
        self.miss_entries = miss
        for route in self.routes.values():
            route.made_at = 0
        self.freshen(evidence, now)
        self.look(evidence, now)

    def look(self, evidence: Mapping[str, RouteEvidence], now: int) -> None:
        """Bring what is believed of every route up to this second."""
        likelihoods = {
            country: route.listen(evidence[country], now)
            for country, route in self.routes.items()
            if now - route.lively_at < SETTLED_S
        }
        for country, believed in self.belief.look(likelihoods).items():
            self.routes[country].believe(believed, now)

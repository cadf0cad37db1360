"""All that is known at one look: evidence, tables and what is usual, in the words in which causes are told."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from heapq import nlargest
from operator import itemgetter
from typing import Final, TypeVar

from pipeline.evidence.delays import ENTRY_FLOOR_S, ENTRY_MEDIAN_S, Delays, come_by, usual_arrivals
from pipeline.evidence.routes import Bucket, Evidence, RouteEvidence, RouteName, Signal
from pipeline.incidents.baseline import AGE_S, Baseline, Baselines
from pipeline.incidents.denied import denied
from pipeline.incidents.measure import ARRIVALS, Count, Lens, Measure, Sign, says_fallen_since_ever
from pipeline.incidents.onset import Onset, find_onset
from pipeline.records import Mode, Route, RouteState, RouteTable
from pipeline.settings.countries import shares_for

LOOKBACK_S: Final = 120  # a fault that is found now began within these
ACTIVE_S: Final = 60  # a route with so many hand-overs within these has enough traffic to be spoken of
ACTIVE: Final = 2
SHOWN: Final = 5  # receipts or entered codes that a route has ever shown, before their absence says anything
GUESSED: Final = 10.0  # messages that a guess of what is usual counts as
MOST: Final = 0.995
LATELY_S: Final = 30  # most of what will be heard of a message has been by then
LISTENED: Final = 100  # routes
CALM: Final = frozenset({RouteState.NORMAL, RouteState.RETURNING, RouteState.CANARY})

_RECEIPTS: Final = usual_arrivals()
_ENTRIES: Final = usual_arrivals(ENTRY_FLOOR_S, ENTRY_MEDIAN_S)

K = TypeVar("K")
Message = tuple[RouteName, int, str]  # route, send second and configuration
Configured = Mapping[str, Mapping[str, float]]


class World:
    """One look. Nothing is worked out before it is asked for."""

    def __init__(
        self,
        evidence: Evidence,
        tables: Mapping[str, RouteTable],
        baselines: Baselines,
        configured: Configured,
        now: float,
    ) -> None:
        self.evidence = evidence
        self.baselines = baselines
        self.now = now
        self.second = int(now)
        self.tables = {country: table for country, table in tables.items() if shares_for(configured, country)}
        self._configured = configured
        self._lenses: dict[RouteName, Lens] = {}
        self._usuals: dict[str, Baseline] = {}
        self._arrivals: dict[str, tuple[Sequence[float], Sequence[float]]] = {}

    @cached_property
    def routes(self) -> dict[RouteName, Route]:
        """Give every route of the tables that is still configured."""
        return {
            (route.provider, country): route
            for country, table in self.tables.items()
            for route in table.routes
            if route.provider in shares_for(self._configured, country)
        }

    @cached_property
    def denied(self) -> frozenset[RouteName]:
        """Give the configured routes on which our credential, account or sender is denied now."""
        return frozenset(denied(self.evidence, self.second) & self.routes.keys())

    @cached_property
    def active(self) -> frozenset[RouteName]:
        """Give the routes with enough traffic."""
        return frozenset(name for name in self.routes if self._is_active(name))

    def state(self, name: RouteName) -> RouteState:
        """Give the state of a route; one that is gone is as good as normal."""
        route = self.routes.get(name)
        return route.state if route else RouteState.NORMAL

    def mode(self, country: str) -> Mode:
        """Give the mode of a country."""
        table = self.tables.get(country)
        return table.mode if table else Mode.AUTOMATIC

    def measure(self, names: Iterable[RouteName], since: int) -> Measure:
        """Measure routes together from a send second on."""
        return self.gather(names, since, lambda _: None).get(None, Measure())

    def gather(
        self, names: Iterable[RouteName], since: int, key: Callable[[Message], K], *, mixed: bool = False
    ) -> dict[K, Measure]:
        """Measure from a send second on, apart by a key. `mixed`: only seconds with more than one configuration."""
        found: defaultdict[K, Measure] = defaultdict(Measure)
        for name in names:
            route = self.evidence.routes.get(name)
            if route is None:
                continue
            lens = self.lens(name)
            for second in range(since, self.second + 1):
                buckets = route.seconds.get(second, _NONE)
                if mixed and len(buckets) <= 1:
                    continue
                for config, bucket in buckets.items():
                    rejected = route.weighed(second, bucket.rejected)
                    found[key((name, second, config))].add(bucket, self.second - second, lens, rejected)
        return found

    def onset(self, names: Collection[RouteName]) -> Onset | None:
        """Find when the likeliest fault of these routes began, by the sign that tells most."""
        measured = self.gather(self._loudest(names), self.second - LOOKBACK_S, itemgetter(1))
        series = (sorted((second, of.of(sign)) for second, of in measured.items()) for sign in Sign)
        found = filter(None, map(find_onset, series))
        return max(found, key=lambda onset: onset.gain, default=None)

    def _loudest(self, names: Collection[RouteName]) -> Collection[RouteName]:
        """Give those with most messages; they tell enough, and so many can be listened to."""
        if len(names) <= LISTENED:
            return names
        return nlargest(LISTENED, sorted(names), key=lambda name: self.baselines.of(name).sent)

    def says_wrong(self, name: RouteName) -> float:
        """Give the log odds, by what was heard of a route, that something has been wrong there for some time."""
        measured = self.gather([name], self.second - ACTIVE_S, itemgetter(1))
        seconds = [of for _, of in sorted(measured.items(), key=itemgetter(0))]
        taken = says_fallen_since_ever([of.hand_overs for of in seconds], Count.says_of_each)
        return max(taken, *(says_fallen_since_ever([of.of(sign) for of in seconds]) for sign in ARRIVALS))

    def speaks_against(self, name: RouteName) -> bool:
        """Tell whether what was heard of a route lately says that nothing is wrong there."""
        return self.measure([name], self.second - ACTIVE_S).fine

    def lens(self, name: RouteName) -> Lens:
        """Give what a message of a route shows in usual times."""
        if name not in self._lenses:
            self._lenses[name] = self._make_lens(name, self.evidence.routes[name])
        return self._lenses[name]

    def _make_lens(self, name: RouteName, evidence: RouteEvidence) -> Lens:
        usual, of_country = self.baselines.of(name), self._usual_in(name[1])
        receipts, entries = self._arrivals_in(name[1])
        receipts_come = come_by(evidence.receipts.delays.arrivals(receipts))
        entries_come = come_by(evidence.entries.delays.arrivals(entries))
        told = self.routes.get(name)
        reported = _share(usual.delivered, usual.sent * receipts_come[AGE_S], told.usual if told else 0.0)
        entered = _share(usual.verified, usual.creditable * entries_come[AGE_S], of_country.entered)
        return Lens(
            receipts=reported if evidence.receipts.heard >= SHOWN else 0.0,
            entries=entered if evidence.entries.heard >= SHOWN else 0.0,
            asks=of_country.asked,
            receipts_come=receipts_come,
            entries_come=entries_come,
        )

    def _usual_in(self, country: str) -> Baseline:
        if country not in self._usuals:
            providers = shares_for(self._configured, country)
            self._usuals[country] = self.baselines.together((provider, country) for provider in providers)
        return self._usuals[country]

    def _arrivals_in(self, country: str) -> tuple[Sequence[float], Sequence[float]]:
        """Guess how long receipts and entries take in a country, from the routes of which most is known."""
        if country not in self._arrivals:
            names = ((provider, country) for provider in shares_for(self._configured, country))
            known = [route for route in map(self.evidence.routes.get, names) if route]
            receipts = _loudest_signal([route.receipts for route in known])
            entries = _loudest_signal([route.entries for route in known])
            self._arrivals[country] = receipts.arrivals(_RECEIPTS), entries.arrivals(_ENTRIES)
        return self._arrivals[country]

    def _is_active(self, name: RouteName) -> bool:
        route = self.evidence.routes.get(name)
        if route is None:
            return False
        handed = 0
        for second in range(self.second, self.second - ACTIVE_S, -1):
            for bucket in route.seconds.get(second, _NONE).values():
                handed += bucket.accepted + bucket.refused
            if handed >= ACTIVE:
                return True
        return False


_NONE: Final[dict[str, Bucket]] = {}


def _loudest_signal(signals: Iterable[Signal]) -> Delays:
    loudest = max(signals, key=lambda signal: signal.heard, default=None)
    return loudest.delays if loudest else Delays()


def _share(seen: float, sent: float, guess: float) -> float:
    return min((seen + GUESSED * guess) / (sent + GUESSED), MOST)

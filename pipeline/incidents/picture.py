"""What is to be explained: routes in trouble, and all the others beside them, measured since it began."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.incidents.measure import Measure
from pipeline.incidents.scope import Scope
from pipeline.incidents.world import CALM, LATELY_S, World

APART_S: Final = 10  # before the onset nothing is told apart from what came after it
GROWTH_S: Final = 30  # of requests before the onset that tell what is usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, and the routes of it."""

    scope: Scope
    routes: frozenset[RouteName]  # of those in trouble, the ones that it explains
    where: frozenset[RouteName]  # the routes by which it shows


class Picture:
    """`pool` is to be explained; `known` is explained already by older incidents."""

    def __init__(self, world: World, pool: frozenset[RouteName], known: frozenset[RouteName]) -> None:
        self.world = world
        self.pool = pool
        self.seen = (world.active - known) | pool
        onset = world.onset(pool or self.seen)
        self.since = onset.second if onset else world.second - LATELY_S

    @cached_property
    def measures(self) -> dict[RouteName, Measure]:
        """Give what was heard of each route since the onset."""
        return self.world.gather(self.seen, self.since, itemgetter(0))

    def of(self, routes: Iterable[RouteName]) -> Measure:
        """Measure some of the routes together."""
        total = Measure()
        for name in routes:
            if name in self.measures:
                total.merge(self.measures[name])
        return total

    @cached_property
    def all(self) -> Measure:
        """Measure all routes together."""
        return self.of(self.seen)

    @cached_property
    def bad(self) -> frozenset[RouteName]:
        """Give the routes that fail together: those in trouble, and those of which clearly too little was heard."""
        return (self.pool - self.fine) | {name for name, measure in self.measures.items() if measure.fallen}

    @cached_property
    def fine(self) -> frozenset[RouteName]:
        """Give the routes of which surely as much was heard as usual."""
        return frozenset(name for name, measure in self.measures.items() if measure.fine)

    @cached_property
    def well(self) -> frozenset[RouteName]:
        """Give the routes of which nothing bad is known."""
        return frozenset(name for name in self.seen - self.bad - self.pool if self.world.state(name) in CALM)

    def growth(self, country: str) -> float | None:
        """Give how many times the usual requests there are since the onset; none while too little is known."""
        names = [name for name in self.world.evidence.routes if name[1] == country]
        now = self._first(names, self.since, self.world.second - 1)
        seconds = [second for name in names for second in self.world.evidence.routes[name].seconds]
        oldest, newest = min(seconds, default=self.since), self.since - APART_S
        before = self._first(names, oldest, newest)
        lasted, known = self.world.second - self.since, newest - oldest + 1
        if known < GROWTH_S or lasted <= 0 or not before:
            return None
        return (now / lasted) / (before / known)

    def _first(self, names: Collection[RouteName], oldest: int, newest: int) -> int:
        return sum(
            bucket.first
            for name in names
            for second, buckets in self.world.evidence.routes[name].seconds.items()
            if oldest <= second <= newest
            for bucket in buckets.values()
        )


def of_provider(routes: Iterable[RouteName], provider: str) -> frozenset[RouteName]:
    """Give the routes of a provider."""
    return frozenset(name for name in routes if name[0] == provider)


def of_country(routes: Iterable[RouteName], country: str) -> frozenset[RouteName]:
    """Give the routes of a country."""
    return frozenset(name for name in routes if name[1] == country)


def providers(routes: Iterable[RouteName]) -> list[str]:
    """Give the providers of routes, in their order."""
    return sorted({provider for provider, _ in routes})


def countries(routes: Iterable[RouteName]) -> list[str]:
    """Give the countries of routes, in their order."""
    return sorted({country for _, country in routes})

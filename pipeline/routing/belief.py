"""The hidden-state filter: what is believed of a route, and of its provider in all countries.

A belief is a probability for each state. Each second it moves a little towards faults and back, and is weighed by how
well each state explains what was heard. The belief as of a minute ago is kept; the younger seconds are gone through
again each time, because receipts of theirs still come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul, truediv
from typing import Final

from pipeline.routing.hazard import Hazard
from pipeline.routing.likelihood import AGES
from pipeline.routing.states import EFFECTS, ENTRY, HARMLESS, LEARNED, Belief, healthy

UNHEARD_S: Final = 8  # news of so long at once, of a route without any: it settles there
WANDERS: Final = 1 / 1000  # from one fault to another, a second
BETWEEN_OF_PROVIDER_S: Final = 2500.0
BETWEEN_OF_ROUTE_S: Final = 4000.0  # where its provider has a belief of its own beside
_ENTRY: Final = (0.0, *ENTRY)

Likelihoods = Mapping[str, list[float]]  # country -> likelihood of each state


@dataclass(slots=True)
class RouteBelief:
    """What is believed of one route, apart from its provider."""

    belief: Belief = field(default_factory=healthy)
    hazard: Hazard = field(default_factory=Hazard)


@dataclass(frozen=True, slots=True)
class Now:
    """What is believed of a route now, its provider included."""

    normal: float  # probability that nothing keeps messages from people
    effect: float  # expected multiple of what it usually delivers


@dataclass(slots=True)
class ProviderBelief:
    """One provider in all its countries. With one country alone the provider has no belief beside its route's."""

    settled_at: int  # the last second that is counted for good
    everywhere: Belief = field(default_factory=healthy)
    hazard: Hazard = field(default_factory=lambda: Hazard(between_s=BETWEEN_OF_PROVIDER_S))
    routes: dict[str, RouteBelief] = field(default_factory=dict)

    @property
    def pooled(self) -> bool:
        """Tell whether several countries tell of this provider."""
        return len(self.routes) > 1

    def add(self, country: str) -> None:
        """Begin to believe something of a route."""
        self.routes[country] = RouteBelief()
        if self.pooled:
            for route in self.routes.values():
                route.hazard.between_s = BETWEEN_OF_ROUTE_S

    def settle(self, second: int, heard: Likelihoods) -> dict[str, float]:
        """Count a second for good; give how much it tells of what is usual on each route."""
        self.settled_at = second
        beliefs = {country: route.belief for country, route in self.routes.items()}
        self.everywhere, beliefs = self._step(self.everywhere, beliefs, heard, 1)
        for country, belief in beliefs.items():
            route = self.routes[country]
            route.belief = belief
            route.hazard.learn(belief[0])
        if self.pooled:
            self.hazard.learn(self.everywhere[0])
        return {country: _of(LEARNED, self.everywhere, belief) for country, belief in beliefs.items()}

    def look(self, likelihoods: Mapping[str, Sequence[list[float] | None]]) -> dict[str, Now]:
        """Go through the last minute on a copy; give what is believed of each route.

        The likelihoods are those of each of AGES, none where nothing was sent, of the routes that are lively.
        """
        everywhere = self.everywhere
        beliefs = {country: self.routes[country].belief for country in likelihoods}
        quiet_s = 0
        for group, (oldest, youngest) in enumerate(AGES):
            quiet_s += oldest + 1 - youngest
            heard = {country: of for country, groups in likelihoods.items() if (of := groups[group])}
            if heard or youngest == 0:
                everywhere, beliefs = self._step(everywhere, beliefs, heard, quiet_s)
                quiet_s = 0
        for country, route in self.routes.items():
            if country not in likelihoods:
                beliefs[country] = drift(route.belief, route.hazard, UNHEARD_S)
        return {country: _now(everywhere, belief) for country, belief in beliefs.items()}

    def _step(
        self, everywhere: Belief, beliefs: dict[str, Belief], heard: Likelihoods, seconds: int
    ) -> tuple[Belief, dict[str, Belief]]:
        drifted = {country: drift(belief, self.routes[country].hazard, seconds) for country, belief in beliefs.items()}
        if self.pooled:
            everywhere = drift(everywhere, self.hazard, seconds)
            return weigh_together(everywhere, drifted, heard) if heard else (everywhere, drifted)
        return everywhere, drifted | {country: weigh(drifted[country], of) for country, of in heard.items()}


def drift(belief: Belief, hazard: Hazard, seconds: int) -> Belief:
    """Let so many seconds pass without news."""
    normal = belief[0]
    faulty = 1 - normal
    begins, ends = hazard.begins * seconds, hazard.ends * seconds
    wanders = WANDERS * seconds
    kept, into = 1 - ends - wanders, begins * normal + wanders * faulty
    drifted = [kept * probability + into * entry for probability, entry in zip(belief, _ENTRY, strict=True)]
    drifted[0] = normal * (1 - begins) + ends * faulty
    return drifted


def weigh(belief: Belief, heard: Sequence[float]) -> Belief:
    """Weigh a belief by the likelihood of what was heard (Bayes' rule)."""
    weighed = list(map(mul, belief, heard))
    whole = sum(weighed)
    return [probability / whole for probability in weighed]


def weigh_together(
    everywhere: Belief, beliefs: Mapping[str, Belief], heard: Likelihoods
) -> tuple[Belief, dict[str, Belief]]:
    """Weigh a provider and its routes by what was heard in several countries.

    Where the provider is normal, each route is in its own state; in a fault of the provider all are in that one.
    """
    weighed, whole = dict(beliefs), everywhere
    factors = {country: [sum(map(mul, beliefs[country], of)), *of[1:]] for country, of in heard.items()}
    for factor in factors.values():
        whole = weigh(whole, factor)
    for country, of in heard.items():
        normal, *faults = map(truediv, whole, factors[country])  # what all the others say of the provider
        elsewhere = sum(map(mul, faults, of[1:]))
        weighed[country] = weigh(beliefs[country], [normal * likely + elsewhere for likely in of])
    return whole, weighed


def _now(everywhere: Belief, belief: Belief) -> Now:
    return Now(normal=_of(HARMLESS, everywhere, belief), effect=_of(EFFECTS, everywhere, belief))


def _of(values: Sequence[float], everywhere: Belief, belief: Belief) -> float:
    """Give the mean of a figure of each state over what is believed of a provider and its route."""
    own: float = sum(map(mul, belief, values))
    of_provider: float = sum(map(mul, everywhere[1:], values[1:]))
    return everywhere[0] * own + of_provider

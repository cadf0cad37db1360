"""Almost everything to the best provider, and probes of the others by what it is worth to know them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf, sqrt
from typing import Final

DEAD_BAND: Final = 0.1  # a loss of so much is no reason to move: it may be noise
BETTER: Final = 0.005  # by so much another provider must be better to become the leader
SURER: Final = 2.0  # ... and by so many standard deviations, while the leader works
LEFT: Final = 0.6  # a leader that works with less than this probability is left for whoever is worth more
SURE: Final = 0.9  # whoever takes over works with this probability, where anyone does
COMEBACK_MALUS: Final = 0.97  # of the worth of a provider that waits to come back
SPARE_MALUS: Final = 0.2  # off the worth of a provider with a configured share of 0
EXPLORED: Final = 0.05  # of the traffic, for a provider that is better than the leader for sure; more the less it is
MOST_EXPLORED: Final = 0.1  # known, up to this
MOST_PROBED: Final = 0.05  # of the traffic, for one provider
MOST_OTHERS: Final = 0.6  # of the traffic, for all but the leader
CANARY: Final = 0.02  # of the traffic, for a provider that is not known yet
LEAST_COST: Final = 0.01
LEAST_GAIN: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One provider of a country, as far as shares depend on it."""

    provider: str
    usual: float  # share of messages that it delivers when it works
    deviation: float  # of that, standard
    normal: float  # the probability that it works
    effect: float  # expected multiple of the usual share
    begins: float  # rates of faults a second
    ends: float
    waits: bool = False  # to come back
    most: float = 1.0  # largest share, by capacity and by the stage of its return
    known: bool = True
    canary: bool = False  # not known, beside a leader that is well known
    spare: bool = False

    @property
    def worth(self) -> float:
        """Give the share of messages that it may be expected to deliver, small losses forgiven."""
        loss = max(0.0, 1 - self.effect - DEAD_BAND)
        worth = self.usual * (1 - loss) * (COMEBACK_MALUS if self.waits else 1.0)
        return worth - SPARE_MALUS if self.spare else worth


def lead(candidates: Collection[Candidate], current: str | None) -> Candidate:
    """Choose the leader: the one there is, unless another one is surely well and better."""
    well = [one for one in candidates if one.normal > SURE and one.known] or candidates
    best = max(well, key=lambda one: one.worth)
    leader = next((one for one in candidates if one.provider == current), None)
    if leader is None:
        return best
    if leader.normal < LEFT:
        return best if best.worth > leader.worth + BETTER else leader
    needed = max(BETTER, SURER * _deviation(best, leader))
    return best if best.worth > replace(leader, effect=1.0).worth + needed else leader


def split(candidates: Sequence[Candidate], leader: Candidate, rate: float) -> dict[str, float]:
    """Give the shares, 1 together. `rate` is the messages a second of this country."""
    others = {one.provider: _probed(one, leader, rate) for one in candidates if one is not leader}
    whole = sum(others.values())
    if whole > MOST_OTHERS:
        others = {provider: share * MOST_OTHERS / whole for provider, share in others.items()}
    shares = {one.provider: others.get(one.provider, 0.0) for one in candidates}
    shares[leader.provider] = 1 - sum(others.values())
    return limit(shares, candidates)


def limit(shares: Mapping[str, float], candidates: Sequence[Candidate]) -> dict[str, float]:
    """Give what is beyond a provider's limit to the next best; what nobody may take stays with the best."""
    kept = {one.provider: min(shares[one.provider], one.most) for one in candidates}
    beyond = 1 - sum(kept.values())
    by_worth = sorted(candidates, key=lambda one: -one.worth)
    for one in by_worth:
        more = min(beyond, max(one.most - kept[one.provider], 0.0))
        kept[one.provider] += more
        beyond -= more
    kept[by_worth[0].provider] += max(beyond, 0.0)
    return kept


def _probed(one: Candidate, leader: Candidate, rate: float) -> float:
    if one.spare:
        return 0.0
    if one.canary:
        return CANARY
    explored = 0.0 if one.waits else _explored(one) * one.normal * _better(one, leader)
    return max(explored, _worth_knowing(one, leader, rate))


def _explored(one: Candidate) -> float:
    return min(EXPLORED + one.deviation, MOST_EXPLORED)


def _worth_knowing(one: Candidate, leader: Candidate, rate: float) -> float:
    """Give the share of probes at which their cost and what they may gain are even."""
    if rate <= 0:
        return 0.0
    cost = max(leader.worth - one.usual * one.effect, LEAST_COST)
    gain = max(one.usual + one.deviation - leader.worth, LEAST_GAIN)
    back = (1 - one.normal) * sqrt(3 * rate * gain * one.ends / cost)
    broken = one.normal * one.begins * sqrt(13.5 * rate / cost)
    return min(0.5 * (back + broken) / rate, MOST_PROBED)


def _better(one: Candidate, leader: Candidate) -> float:
    """Give the probability that it usually delivers more than the leader."""
    return 0.5 * (1 + erf((one.usual - leader.usual) / (max(_deviation(one, leader), 1e-9) * sqrt(2))))


def _deviation(one: Candidate, other: Candidate) -> float:
    return sqrt(one.deviation**2 + other.deviation**2)

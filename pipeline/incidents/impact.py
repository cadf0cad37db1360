"""How many codes went a broken way, how many of them it swallowed, and how many were sent again."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.evidence.delays import quantile_s, usual_arrivals
from pipeline.evidence.routes import Bucket, RejectedReceipts, RouteName
from pipeline.incidents.measure import Lens, Sign
from pipeline.incidents.world import World

SETTLED_S: Final = 120  # messages of this age are counted for good
OVERDUE: Final = 0.99  # share of the receipts that has come when one is overdue
_USUAL_ARRIVALS: Final = usual_arrivals()


class Codes(NamedTuple):
    """Numbers of codes."""

    requested: int = 0
    swallowed: int = 0
    rescued: int = 0

    def plus(self, other: "Codes") -> "Codes":
        """Add others."""
        return Codes(*(one + more for one, more in zip(self, other, strict=True)))


NONE: Final = Codes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Which messages are counted, and by which sign one lives."""

    routes: Collection[RouteName]
    config: str | None  # none: of every version
    sign: Sign | None  # none: nothing tells


@dataclass(slots=True)
class ImpactCounter:
    """The count of one incident, which goes on while the evidence forgets."""

    since: int  # the first send second that is not counted for good
    settled: Codes = NONE

    def count(self, world: World, affected: Affected, until: int) -> Codes:
        """Count everything up to a send second."""
        settles = min(until, world.second - SETTLED_S)
        if settles >= self.since:
            self.settled = self.settled.plus(_count(world, affected, self.since, settles))
            self.since = settles + 1
        return self.settled.plus(_count(world, affected, self.since, until))

    def stop(self, world: World, affected: Affected, until: int) -> Codes:
        """Count everything up to a send second for good."""
        self.settled = self.settled.plus(_count(world, affected, self.since, until))
        self.since = max(self.since, until + 1)
        return self.settled


def _count(world: World, affected: Affected, oldest: int, newest: int) -> Codes:
    found = NONE
    for name in affected.routes:
        if name in world.evidence.routes:
            found = found.plus(_count_route(world, affected, name, range(oldest, newest + 1)))
    return found


def _count_route(world: World, affected: Affected, name: RouteName, seconds: range) -> Codes:
    overdue_s = quantile_s(world.evidence.routes[name].receipts.delays.arrivals(_USUAL_ARRIVALS), OVERDUE)
    lens = world.lens(name)
    requested = rescued = 0
    swallowed = 0.0
    for second, bucket in _buckets(world, affected, name, seconds):
        requested += max(bucket.first, bucket.accepted)
        rescued += bucket.rescued
        if world.second - second >= overdue_s and affected.sign:
            rejected = world.evidence.routes[name].weighed(second, bucket.rejected)
            swallowed += _silent(bucket, affected.sign, lens, rejected)
    return Codes(requested, max(round(swallowed), 0), rescued)


def _silent(bucket: Bucket, sign: Sign, lens: Lens, rejected: RejectedReceipts) -> float:
    """Give the messages without a sign of life. Not all people enter their codes: the usual share stands for all."""
    if sign is Sign.ENTRIES:
        return bucket.creditable - bucket.verified / lens.entries if lens.entries else 0.0
    return max(bucket.accepted - rejected.recipients - rejected.nobody - max(bucket.delivered, bucket.verified), 0)


def _buckets(world: World, affected: Affected, name: RouteName, seconds: range) -> Iterator[tuple[int, Bucket]]:
    known = world.evidence.routes[name].seconds
    for second in seconds:
        for config, bucket in known.get(second, {}).items():
            if affected.config in {None, config}:
                yield second, bucket

"""Whose fault a rejected receipt is: the recipient's, or that of the provider which says so.

REJECTED says that this person is never to be reached. One provider that says it of everybody is broken, or our account
with it is; when all say it alike, the numbers are bad. So a rejection weighs as a failure of its route, but for the
share that may be seen of the others, in the same country and of the same seconds. That includes what they make of the
very same codes, because a code with a rejected receipt is sent again through another one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Final, NamedTuple

from pipeline.evidence import BLOCK_S, Evidence, RouteEvidence

WINDOW_S: Final = 60  # send seconds that are looked at again: of older ones next to nothing comes
USUAL: Final = 0.02  # share of receipts that are rejections where next to nothing is known ...
WEIGHT: Final = 4.0  # ... which is as if so many receipts had been seen
DEVIATIONS: Final = 2.0  # by which luck may have it: of few messages nobody is blamed


class Seen(NamedTuple):
    """What was seen of some messages."""

    rejected: int = 0  # receipts
    reported: int = 0  # all receipts that say how it ended


def weigh_rejections(evidence: Evidence, now: int) -> None:
    """Tell each route with fresh rejections which share of them is not its own fault, for each block of seconds."""
    for country in {name[1] for name, route in evidence.routes.items() if now - route.rejected_at < WINDOW_S}:
        routes = {name: _seen(route, now) for name, route in evidence.routes.items() if name[1] == country}
        for name, own in routes.items():
            others = [blocks for other, blocks in routes.items() if other != name]
            lately = _sum(seen for blocks in others for seen in blocks.values())
            for block in [block for block, seen in own.items() if seen.rejected]:
                then = _sum(blocks[block] for blocks in others if block in blocks)
                evidence.routes[name].excused[block] = excused(own[block], then, lately)


def excused(own: Seen, *others: Seen) -> float:
    """Give the share of a route's rejections for which the recipients are to blame (Bayes' rule).

    `others` are what was seen of the others: of the same seconds, and of all that are looked at, because in a few
    seconds too little is seen of those that have little traffic.
    """
    least = _share(own, -DEVIATIONS)
    most = max(_share(seen, DEVIATIONS) for seen in others)
    return 1.0 if most >= least else most / least


def _share(seen: Seen, deviations: float) -> float:
    """Give the share that is rejected, so many standard deviations away from what was seen."""
    weight = seen.reported + WEIGHT
    share = (seen.rejected + WEIGHT * USUAL) / weight
    return share + deviations * sqrt(share * (1 - share) / weight)


def _sum(several: Iterable[Seen]) -> Seen:
    rejected = reported = 0
    for seen in several:
        rejected, reported = rejected + seen.rejected, reported + seen.reported
    return Seen(rejected, reported)


def _seen(route: RouteEvidence, now: int) -> Mapping[int, Seen]:
    """Count the receipts of each block of the window."""
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for second in range(now - WINDOW_S, now + 1):
        if second in route.seconds:
            count = counts[second // BLOCK_S]
            for bucket in route.seconds[second].values():
                count[0] += bucket.rejected
                count[1] += bucket.rejected + bucket.delivered + bucket.failed
    return {block: Seen(*count) for block, count in counts.items()}

"""Whose fault a rejected receipt is: the recipient's, or that of the provider which says so.

REJECTED says that this person is never to be reached. One provider that says it of everybody is broken, or our account
with it is; when all say it alike, the numbers are bad. So a rejection weighs as a failure of its route, but for the
share that may be seen of the others, in the same country and of the same seconds. That includes what they make of the
very same codes, because a code with a rejected receipt is sent again through another one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from math import sqrt
from typing import Final, NamedTuple

from pipeline.evidence.routes import BLOCK_S, Evidence, RouteEvidence, RouteName, Weight

WINDOW_S: Final = 60  # send seconds that are looked at again: of older ones next to nothing comes
USUAL: Final = 0.02  # share of receipts that are rejections where next to nothing is known ...
WEIGHT: Final = 4.0  # ... which is as if so many receipts had been seen
DEVIATIONS: Final = 2.0  # by which luck may have it: of few messages nobody is blamed


class ReceiptCount(NamedTuple):
    """Receipts of some messages."""

    rejected: int = 0  # receipts
    reported: int = 0  # all receipts that say how it ended


def weigh_rejections(evidence: Evidence, now: int) -> None:
    """Tell each route with fresh rejections whose fault they are, for each block of seconds."""
    fresh = {name[1] for name, route in evidence.routes.items() if now - route.rejected_at < WINDOW_S}
    by_country: defaultdict[str, dict[RouteName, Mapping[int, ReceiptCount]]] = defaultdict(dict)
    for name, route in evidence.routes.items():
        if name[1] in fresh:
            by_country[name[1]][name] = _seen(route, now)
    for routes in by_country.values():
        for name, own in routes.items():
            others = [blocks for other, blocks in routes.items() if other != name]
            own_lately = _sum(own.values())
            others_lately = _sum(seen for blocks in others for seen in blocks.values())
            for block in [block for block, seen in own.items() if seen.rejected]:
                others_then = _sum(blocks[block] for blocks in others if block in blocks)
                weight = weigh((own[block], own_lately), (others_then, others_lately))
                evidence.routes[name].weights[block] = weight


def weigh(own: Collection[ReceiptCount], others: Collection[ReceiptCount]) -> Weight:
    """Tell whose fault a route's rejections are, by what was seen of it and of the others.

    Both were seen in the same few seconds, and in all that are looked at, because in a few seconds too little is seen
    of who has little traffic. Recipients are to blame for the share that is rejected everywhere (Bayes' rule); the
    route is for what luck does not explain.
    """
    usual = max(_share(seen) for seen in others)
    recipients = min(usual / max(_share(seen, weight=0.0) for seen in own), 1.0)
    least = max(_share(seen, -DEVIATIONS) for seen in own)
    most = max(_share(seen, DEVIATIONS) for seen in others)
    return Weight(recipients, 0.0 if most >= least else 1 - most / least)


def _share(seen: ReceiptCount, deviations: float = 0.0, *, weight: float = WEIGHT) -> float:
    """Give the share that is rejected, so many standard deviations away from what was seen."""
    weight += seen.reported
    share = (seen.rejected + (weight - seen.reported) * USUAL) / weight
    return share + deviations * sqrt(share * (1 - share) / weight)


def _sum(several: Iterable[ReceiptCount]) -> ReceiptCount:
    rejected = reported = 0
    for seen in several:
        rejected, reported = rejected + seen.rejected, reported + seen.reported
    return ReceiptCount(rejected, reported)


def _seen(route: RouteEvidence, now: int) -> Mapping[int, ReceiptCount]:
    """Count the receipts of each whole block of the window: one that is looked at in part is judged by its rest."""
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for second in range(-(-(now - WINDOW_S) // BLOCK_S) * BLOCK_S, now + 1):
        if second in route.seconds:
            count = counts[second // BLOCK_S]
            for bucket in route.seconds[second].values():
                count[0] += bucket.rejected
                count[1] += bucket.rejected + bucket.delivered + bucket.failed
    return {block: ReceiptCount(*count) for block, count in counts.items()}

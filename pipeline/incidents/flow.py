"""Receipts and entered codes as they come in, whenever their messages were sent: whether they stopped at one blow.

When messages are lost on the way, what was sent before still comes in and fades within seconds. What stops at once,
from everywhere, is the signal itself.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import Final

from pipeline.evidence.routes import Evidence
from pipeline.incidents.measure import Sign

USUAL_S: Final = 60  # over which the usual rate is counted
EXPECTED: Final = 15  # so many, and none comes: that is no chance
SHORTEST_S: Final = 2  # of silence
LONGEST_S: Final = 20  # where so few come that it would take longer, nothing is said
BEFORE_S: Final = 5  # before the silence they came as usual
HALF: Final = 0.5  # of the usual rate is as usual, over a few seconds
AGAIN_S: Final = 10  # over which it shows that they come again ...
AGAIN: Final = 0.2  # ... at this share of the rate


@dataclass(frozen=True, slots=True)
class Stop:
    """When a signal stopped, and how many came each second before."""

    at: int
    rate: float


class Flow:
    """All that came by each second, of each signal."""

    def __init__(self) -> None:
        self._totals: dict[Sign, deque[tuple[int, int]]] = {
            Sign.RECEIPTS: deque(maxlen=USUAL_S + LONGEST_S),
            Sign.ENTRIES: deque(maxlen=USUAL_S + LONGEST_S),
        }
        self.stops: dict[Sign, Stop] = {}  # the signals that are lost

    def note(self, evidence: Evidence, now: int) -> None:
        """Note what has come by now."""
        routes = evidence.routes.values()
        self._note(Sign.RECEIPTS, now, sum(route.receipts.heard for route in routes))
        self._note(Sign.ENTRIES, now, sum(route.entries.heard for route in routes))

    def going(self, sign: Sign) -> bool:
        """Tell whether it comes in as usual."""
        now, _ = self._totals[sign][-1]
        return self._came(sign, now - BEFORE_S, now) >= max(HALF * self._rate(sign, now) * BEFORE_S, 1)

    def _note(self, sign: Sign, now: int, total: int) -> None:
        self._totals[sign].append((now, total))
        stop = self.stops.get(sign)
        if stop is None:
            stop = self._find_stop(sign, now)
            self.stops.update({sign: stop} if stop else {})
        elif self._came(sign, max(stop.at, now - AGAIN_S), now) >= max(AGAIN * stop.rate * AGAIN_S, 1):
            del self.stops[sign]

    def _find_stop(self, sign: Sign, now: int) -> Stop | None:
        rate = self._rate(sign, now)
        silence_s = max(ceil(EXPECTED / rate), SHORTEST_S) if rate else LONGEST_S + 1
        start = now - silence_s
        if silence_s > LONGEST_S or self._came(sign, start, now):
            return None
        as_usual = self._came(sign, start - BEFORE_S, start) >= HALF * rate * BEFORE_S
        return Stop(start, rate) if as_usual else None

    def _rate(self, sign: Sign, now: int) -> float:
        first, _ = self._totals[sign][0]
        since = max(first, now - USUAL_S)
        return self._came(sign, since, now) / (now - since) if now > since else 0.0

    def _came(self, sign: Sign, after: int, until: int) -> int:
        return self._total(sign, until) - self._total(sign, after)

    def _total(self, sign: Sign, at: int) -> int:
        """Give what had come by a second; before the first one nothing is known, as if nothing came."""
        totals = self._totals[sign]
        known = (total for second, total in reversed(totals) if second <= at)
        return next(known, totals[0][1])

"""How long receipts take: the share of those that will come which has come after so many seconds."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import erf, log, sqrt
from typing import Final

LONGEST_S: Final = 120  # what takes longer counts as this long
FORGET: Final = 0.9  # of the weight of what is known, kept each minute
PRIOR_WEIGHT: Final = 20.0  # messages that a guess counts as
# A guess until it is known: receipts take 2 s and a log-normal rest with median 5 s, as with most carriers ...
FLOOR_S: Final = 2.0
MEDIAN_S: Final = 5.0
SIGMA: Final = 0.75
# ... and people look at the phone and type.
ENTRY_FLOOR_S: Final = 4.0
ENTRY_MEDIAN_S: Final = 12.0


def usual_arrivals(floor_s: float = FLOOR_S, median_s: float = MEDIAN_S) -> list[float]:
    """Give a guess: the share that comes in each second after that of the send, 0 to LONGEST_S.

    A message is sent in the middle of its second on average, so half a second is left of that.
    """
    ends = [_log_normal((second + 0.5 - floor_s) / median_s) for second in range(LONGEST_S)]
    shares = [end - begin for begin, end in zip([0.0, *ends], ends, strict=False)]
    return [*shares, 1 - sum(shares)]


class Delays:
    """A histogram of whole seconds that forgets, over a prior that weighs `PRIOR_WEIGHT` messages."""

    __slots__ = ("_counts", "_minute", "_total")

    def __init__(self) -> None:
        self._counts = [0.0] * (LONGEST_S + 1)
        self._total = 0.0
        self._minute = 0

    def note(self, delay_s: float, count: int, now: float) -> None:
        """Count receipts that came `delay_s` after the send, at this epoch second."""
        self.forget(now)
        self._counts[min(max(int(delay_s), 0), LONGEST_S)] += count
        self._total += count

    def forget(self, now: float) -> None:
        """Let what is known weigh less as minutes pass."""
        minute = int(now // 60)
        if minute > self._minute:
            kept = FORGET ** (minute - self._minute) if self._minute else 1.0
            self._counts = [count * kept for count in self._counts]
            self._total *= kept
            self._minute = minute

    def arrivals(self, prior: Sequence[float], weight: float = PRIOR_WEIGHT) -> list[float]:
        """Give the share that comes in each second after the send, where the prior counts as so many messages."""
        whole = self._total + weight
        return [(count + weight * share) / whole for count, share in zip(self._counts, prior, strict=True)]

    @classmethod
    def pooled(cls, known: Iterable["Delays"]) -> "Delays":
        """Put together what is known of several routes."""
        pool = cls()
        for delays in known:
            pool._total += delays._total  # noqa: SLF001 - its own kind
            pool._counts = [one + more for one, more in zip(pool._counts, delays._counts, strict=True)]  # noqa: SLF001
        return pool


def come_by(arrivals: Sequence[float]) -> list[float]:
    """Give the share that has come by the end of each second after the send."""
    return [min(share, 1.0) for share in accumulate(arrivals)]


def quantile_s(arrivals: Sequence[float], share: float) -> float:
    """Give the seconds by which this share has come."""
    reached = (second for second, come in enumerate(accumulate(arrivals), start=1) if come >= share)
    return float(next(reached, LONGEST_S))


def _log_normal(times_median: float) -> float:
    return 0.5 * (1 + erf(log(times_median) / (SIGMA * sqrt(2)))) if times_median > 0 else 0.0

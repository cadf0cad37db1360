"""Whether the failures of a partition are a flood of our own faults, rather than one caller's bad records."""

from collections import Counter, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """From when on failures are a flood."""

    window_s: float = 60.0
    failures: int = 20  # with a known source, within the window
    others: int = 5  # of them not from the loudest source, so that one caller (and a stray) never are a flood


class Flood:
    """The recent failures of one partition, by source. Time is monotonic seconds, passed in."""

    __slots__ = ("_counts", "_failures", "_limits")

    def __init__(self, limits: FloodLimits) -> None:
        self._limits = limits
        self._failures: deque[tuple[float, str]] = deque()
        self._counts: Counter[str] = Counter()

    def failed(self, now: float, source: str | None) -> bool:
        """Note a failure; tell whether it is a flood now. A failure of unknown source says nothing."""
        if source is None:
            return False
        self._failures.append((now, source))
        self._counts[source] += 1
        self._forget_before(now - self._limits.window_s)
        total, loudest = len(self._failures), max(self._counts.values())
        return total >= self._limits.failures and total - loudest >= self._limits.others

    def clear(self) -> None:
        """Forget everything: an operator says that the cause is gone."""
        self._failures.clear()
        self._counts.clear()

    def _forget_before(self, instant: float) -> None:
        while self._failures[0][0] < instant:
            _, source = self._failures.popleft()
            self._counts[source] -= 1
            if not self._counts[source]:
                del self._counts[source]

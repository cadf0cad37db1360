"""Circuit breakers, told the true order of what providers usually deliver: the first closed one gets everything."""

from collections import deque
from typing import Final

from bench.simulator.policies.base import BEST_SHARE, News, Policy, Shares
from bench.simulator.policies.resolved import Resolved
from bench.simulator.truth import Truth

WINDOW: Final = 100  # messages that it judges, the last whose end is known
FAILING: Final = 0.5
LEAST: Final = 10  # messages; fewer tell nothing
OPEN_S: Final = 30
TRIALS: Final = 10  # messages that a half-open one is judged by


class Circuit:
    """Closed, open or half-open."""

    def __init__(self) -> None:
        self._ends: deque[bool] = deque(maxlen=WINDOW)
        self._open_until = 0
        self.closed = True

    def half_open(self, second: int) -> bool:
        """Tell whether it is tried again."""
        return not self.closed and second >= self._open_until

    def note(self, second: int, good: int, bad: int) -> None:
        """Take what has ended in this second."""
        if self.closed or self.half_open(second):
            self._ends.extend([True] * good + [False] * bad)
            self._judge(second)

    def _judge(self, second: int) -> None:
        total = len(self._ends)
        if total < (LEAST if self.closed else TRIALS):
            return
        fails = total - sum(self._ends) >= FAILING * total
        if fails:
            self._open_until = second + OPEN_S
        if fails or not self.closed:
            self._ends.clear()
            self.closed = not fails


class Breakers(Policy):
    """Each country by itself."""

    def __init__(self, truth: Truth) -> None:
        self._order = sorted(truth.providers, key=truth.base.__getitem__, reverse=True)
        self._resolved = Resolved()
        self._circuits = {(name, country): Circuit() for name in self._order for country in truth.countries}
        self.shares = {country: self._split(country, 0) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        ends = self._resolved.of(second, news)
        for cell, circuit in self._circuits.items():
            circuit.note(second, *ends.get(cell, (0, 0)))
        self.shares = {country: self._split(country, second) for country in self.shares}

    def _split(self, country: str, second: int) -> Shares:
        """Give the first closed one everything but 5 % for those that are tried again; the same to all if none is."""
        closed = [name for name in self._order if self._circuits[name, country].closed]
        tried = [name for name in self._order if self._circuits[name, country].half_open(second)]
        if not closed:
            return dict.fromkeys(self._order, 1 / len(self._order))
        trial = (1 - BEST_SHARE) / len(tried) if tried else 0.0
        shares = {name: trial if name in tried else 0.0 for name in self._order}
        shares[closed[0]] = 1 - trial * len(tried)
        return shares

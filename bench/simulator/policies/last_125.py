"""The share delivered of the last 125 messages whose end is known: the best gets 95 %, the others 5 %."""

from collections import deque
from typing import Final

from bench.simulator.policies.base import News, Policy, equal, mostly
from bench.simulator.policies.resolved import Resolved
from bench.simulator.truth import Truth

WINDOW: Final = 125


class Last125(Policy):
    """Each country by itself."""

    def __init__(self, truth: Truth) -> None:
        self._providers = truth.providers
        self._resolved = Resolved()
        self._ends: dict[tuple[str, str], deque[bool]] = {
            (name, country): deque(maxlen=WINDOW) for country in truth.countries for name in truth.providers
        }
        self.shares = {country: equal(truth.providers) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        for cell, (good, bad) in self._resolved.of(second, news).items():
            self._ends[cell].extend([True] * good + [False] * bad)
        for country in self.shares:
            self.shares[country] = mostly(
                max(self._providers, key=lambda name: self._share(name, country)), self._providers
            )

    def _share(self, provider: str, country: str) -> float:
        ends = self._ends[provider, country]
        return sum(ends) / len(ends) if ends else 0.0

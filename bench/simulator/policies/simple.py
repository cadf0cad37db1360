"""Policies that learn nothing: equal shares, and an oracle that needs not learn."""

from typing import Final

from bench.simulator.policies.base import News, Policy, Shares, equal
from bench.simulator.truth import Truth, delivered_share

RANK: Final = 1e-9  # of the share before: it is picked only when the one before is left out


class Static(Policy):
    """The same share for everyone, for ever."""

    def __init__(self, truth: Truth) -> None:
        self.shares = {country: equal(truth.providers) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        """Learn nothing."""


class Oracle(Policy):
    """Everything to the provider that delivers most at this very second."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.shares = self._best(0)

    def learn(self, second: int, news: News) -> None:  # noqa: ARG002 - it knows without
        if second + 1 < len(self._truth.calm):
            self.shares = self._best(second + 1)

    def _best(self, second: int) -> dict[str, Shares]:
        odds, providers = self._truth.odds(second), self._truth.providers
        best: dict[str, Shares] = {}
        for country in self._truth.countries:
            shares = {name: delivered_share(odds[name, country]) for name in providers}
            ranks = sorted(providers, key=shares.__getitem__, reverse=True)
            best[country] = {name: RANK**rank for rank, name in enumerate(ranks)}
        return best

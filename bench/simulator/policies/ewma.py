"""Receipts that came over receipts due by now, both fading away: the best gets 95 %, the others 5 %."""

from collections import defaultdict
from typing import Final

from bench.simulator.policies.base import News, Policy, equal, mostly
from bench.simulator.truth import Truth
from pipeline.evidence.delays import LONGEST_S, Delays, usual_arrivals

HALF_LIFE_S: Final = 60.0
KEPT: Final = 0.5 ** (1 / HALF_LIFE_S)
PRIOR: Final = 1.0  # message, of which the usual share arrived
USUAL: Final = 0.95
RELEARN_S: Final = 10


class Cell:
    """One provider in one country."""

    def __init__(self) -> None:
        self.sent: dict[int, int] = {}  # by second
        self.seen = USUAL * PRIOR
        self.due = PRIOR

    def pass_second(self, second: int, arrivals: list[float]) -> None:
        """Let what is known fade, and count what is due by the end of this second."""
        self.sent.pop(second - LONGEST_S, None)
        newly = sum(count * arrivals[second - sent] for sent, count in self.sent.items())
        self.seen = self.seen * KEPT + (1 - KEPT) * USUAL * PRIOR
        self.due = self.due * KEPT + (1 - KEPT) * PRIOR + newly


class Ewma(Policy):
    """Each country by itself; how long receipts take is learned from all."""

    def __init__(self, truth: Truth) -> None:
        self._providers = truth.providers
        self._cells: defaultdict[tuple[str, str], Cell] = defaultdict(Cell)
        self._delays = Delays()
        self._arrivals = self._delays.arrivals(usual_arrivals())
        self.shares = {country: equal(truth.providers) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        for (sent, provider, country), heard in news.items():
            cell = self._cells[provider, country]
            if heard.accepted:
                cell.sent[sent] = cell.sent.get(sent, 0) + heard.accepted
            cell.seen += heard.delivered
            cell.due += heard.refused
            if heard.delivered:
                self._delays.note(second - sent, heard.delivered, second)
        if second % RELEARN_S == 0:
            self._arrivals = self._delays.arrivals(usual_arrivals())
        for cell in self._cells.values():
            cell.pass_second(second, self._arrivals)
        for country in self.shares:
            best = max(self._providers, key=lambda name: self._share(name, country))
            self.shares[country] = mostly(best, self._providers)

    def _share(self, provider: str, country: str) -> float:
        cell = self._cells[provider, country]
        return cell.seen / cell.due

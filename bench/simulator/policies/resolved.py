"""Messages whose end is known: a receipt, or 60 s without one, which counts as a failure."""

from collections import defaultdict
from typing import Final

from bench.simulator.policies.base import News

PATIENCE_S: Final = 60

Cell = tuple[str, str]  # provider and country


class Resolved:
    """Gives, each second, how many messages of each provider and country have ended well and badly."""

    def __init__(self) -> None:
        self._open: defaultdict[int, defaultdict[Cell, int]] = defaultdict(lambda: defaultdict(int))

    def of(self, second: int, news: News) -> dict[Cell, tuple[int, int]]:
        ended: defaultdict[Cell, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for (sent, provider, country), heard in news.items():
            open_then = self._open[sent] if sent > second - PATIENCE_S else None
            good, bad = heard.delivered, heard.failed
            if open_then is None:
                continue
            cell = (provider, country)
            open_then[cell] += heard.accepted - good - bad
            before = ended[cell]
            ended[cell] = (before[0] + good, before[1] + bad + heard.refused)
        for cell, silent in self._open.pop(second - PATIENCE_S, {}).items():
            ended[cell] = (ended[cell][0], ended[cell][1] + silent)
        return ended

"""Small worlds for the router: providers that behave as told, without any luck."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts, RouteTable
from pipeline.routing import Router

T0 = 1_800_000_000
# Seconds until the receipt of every tenth message: median 7 s, as carriers do.
DELAYS_S = (3, 4, 5, 6, 7, 7, 8, 10, 13, 19)
ENTRY_S = (5, 7, 8, 10, 11, 13, 14, 16, 18, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What becomes of every tenth message, as shares of one."""

    delivered: float = 1.0
    reported: float = 1.0  # of the delivered
    faked: bool = False  # all are reported as delivered
    refused: float = 0.0  # of the hand-overs
    rejected: float = 0.0  # of the messages, by receipt, and never delivered


WELL = Behaviour()
SILENT = Behaviour(delivered=0.0)
Behaves = Callable[[str, str, int], Behaviour]  # provider, country, second -> what it does


@dataclass(slots=True)
class World:
    """Traffic that follows the router's tables, second by second."""

    behaves: Behaves = lambda _provider, _country, _second: WELL
    rates: Mapping[str, int] = field(default_factory=lambda: {"GB": 20})
    shares: Mapping[str, float] = field(default_factory=lambda: {"a": 50, "b": 30, "c": 20})
    entered: bool = False
    off_s: int = 0  # how far the clock of whoever sends every second message is off
    router: Router = field(init=False)
    evidence: Evidence = field(default_factory=Evidence)
    history: list[RouteTable] = field(default_factory=list)
    second: int = 0
    _coming: dict[int, list[Cell]] = field(default_factory=lambda: defaultdict(list))
    _owed: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    _sent: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.router = Router(dict.fromkeys(self.rates, self.shares))

    def run(self, until: int) -> "World":
        """Let seconds pass."""
        for second in range(self.second, until):
            now = T0 + second
            for cell in self._coming.pop(second, ()):
                self.evidence.add(cell, now)
            for country, rate in self.rates.items():
                for provider, share in self.split(country).items():
                    self._owed[provider, country] += rate * share
                    while self._owed[provider, country] >= 1:
                        self._owed[provider, country] -= 1
                        self._send(provider, country, second)
            self.history += self.router.decide(self.evidence, now)
        self.second = until
        return self

    def split(self, country: str = "GB") -> dict[str, float]:
        """Give the shares that hold."""
        table = self.router.tables.get(country)
        if table:
            return {route.provider: route.share for route in table.routes}
        return {provider: share / 100 for provider, share in self.shares.items()}

    def leader(self, country: str = "GB") -> str:
        """Give the provider with the largest share."""
        split = self.split(country)
        return max(split, key=split.__getitem__)

    def when(self, provider: str, under: float, *, after: int, country: str = "GB") -> int | None:
        """Give the seconds from an instant until the share of a provider fell under this; none: it never did."""
        for table in self.history:
            at = int(table.decided_at.timestamp()) - T0
            if table.country == country and at >= after:
                shares = {route.provider: route.share for route in table.routes}
                if shares[provider] < under:
                    return at - after
        return None

    def _send(self, provider: str, country: str, second: int) -> None:
        key = provider, country
        # Each route begins elsewhere, or the slow receipts of all countries would be missing in the same second.
        turn = (self._sent[key] + sum(map(ord, provider + country))) % 10
        self._sent[key] += 1
        does = self.behaves(provider, country, second)
        now, sent = T0 + second, second + (self.off_s if self._sent[key] % 2 else 0)
        if turn < does.refused * 10:
            self.evidence.add(_cell(provider, country, sent, refused=1), now)
            return
        self.evidence.add(_cell(provider, country, sent, accepted=1, first=1, creditable=1), now)
        if turn < does.rejected * 10:
            self._coming[second + DELAYS_S[turn * 7 % 10]].append(_cell(provider, country, sent, rejected=1))
            return
        arrives = turn < does.delivered * 10
        if (arrives and turn < does.reported * 10) or does.faked:
            # Mixed up, so that the same messages are not always the quick ones.
            self._coming[second + DELAYS_S[turn * 7 % 10]].append(_cell(provider, country, sent, delivered=1))
        if arrives and self.entered:
            self._coming[second + ENTRY_S[turn * 3 % 10]].append(_cell(provider, country, sent, verified=1))


def _cell(provider: str, country: str, second: int, **counts: int) -> Cell:
    return Cell(T0 + second, provider, country, "v1", Counts(**counts))


def broken(who: str, since: int, how: Behaviour = SILENT, *, until: int = 10**9, where: str = "") -> Behaves:
    """Make one provider misbehave for a while, in one country or in all."""

    def behaves(provider: str, country: str, second: int) -> Behaviour:
        hit = provider == who and since <= second < until and where in {"", country}
        return how if hit else WELL

    return behaves

"""All providers and countries: once a second, what is believed and where messages go."""

from collections.abc import Collection, Mapping

from pipeline.evidence import Evidence
from pipeline.records import Order, RouteTable


class Router:
    """Decides for all countries together, because a provider's fault shows in several of them.

    `configured` are the shares of the settings in percent, by country or `*` and provider; `capacity_per_s` is what
    each provider carries.
    """

    def __init__(
        self,
        configured: Mapping[str, Mapping[str, float]],
        capacity_per_s: Mapping[str, float] | None = None,
    ) -> None:
        self._configured = configured
        self._capacity_per_s = capacity_per_s or {}
        self.tables: dict[str, RouteTable] = {}

    def order(self, orders: Collection[Order]) -> None:
        """Take what operators want from now on."""

    def absorb(self, evidence: Evidence, now: float) -> None:
        """Learn from the past, as after a restart, without a decision."""

    def decide(self, evidence: Evidence, now: float) -> list[RouteTable]:
        """Look at the evidence, once a second; give the tables that changed."""
        return []

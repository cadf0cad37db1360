"""The newest route table of each country, in memory: refused when it is wrong, kept when no newer one comes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from pipeline.dispatch.following import Refusal, RoutePlan, as_configured, follow, read
from pipeline.dispatch.obeying import obey
from pipeline.records import Order, RouteTable
from pipeline.routing.overrides import in_force
from pipeline.settings.countries import for_country, shares_for
from workers.log import get_log
from workers.loop import Record

LOOK_S: Final = 1.0  # between two looks for stale tables
_NONE: Final = ""  # the country of a record that cannot be read

log = get_log("dispatch")


class Tables:
    """Gives the plan of each country: by its newest table, or by the settings where there is none."""

    def __init__(self, routes: Mapping[str, Mapping[str, float]]) -> None:
        self._routes = routes
        self._configured = {country: as_configured(shares) for country, shares in routes.items()}
        self._followed: dict[str, RoutePlan] = {}
        self._orders: dict[str, Order] = {}
        self._in_force: list[Order] = []
        self._plans: dict[str, RoutePlan] = {}  # under the orders in force; made when first asked for
        self._wrong: dict[str, Refusal] = {}  # country -> why its newest table was refused; said once, not each second
        self._stale: frozenset[str] = frozenset()
        self.refused: Counter[Refusal] = Counter()

    def of(self, country: str) -> RoutePlan | None:
        """Give the plan of a country; none where no provider is configured for it."""
        if (known := self._plans.get(country)) is not None:
            return known
        plan = self._followed.get(country) or for_country(self._configured, country)
        if plan is None:
            return None
        alone = country not in self._followed or country in self._stale
        self._plans[country] = plan = obey(plan, country, self._in_force, alone=alone)
        return plan

    def take(self, record: Record) -> None:
        """Take a record of the topic: follow its table, or refuse it and keep the one before."""
        table = read(record.value)
        country = table.country if isinstance(table, RouteTable) else _NONE
        plan = self._follow(table, record) if isinstance(table, RouteTable) else table
        if isinstance(plan, Refusal):
            self._refuse(plan, country, record)
            return
        self._followed[country] = plan
        self._plans.pop(country, None)
        for mended in (country, _NONE):
            self._wrong.pop(mended, None)

    def ordered(self, order_id: str, order: Order | None, now: datetime) -> None:
        """Take an order, or its withdrawal."""
        self._orders.pop(order_id, None)
        if order:
            self._orders[order_id] = order
        self._obey(now)

    def look(self, now: datetime) -> None:
        """Let orders end, and say which tables have become stale, and which are fresh again, once each."""
        stale = frozenset(country for country, plan in self._followed.items() if plan.is_stale(now))
        if became := stale - self._stale:
            log.warning("routes.stale", countries=sorted(became), count=len(stale))
        if again := self._stale - stale:
            log.info("routes.fresh", countries=sorted(again), count=len(stale))
        if stale != self._stale:
            self._plans.clear()
        self._stale = stale
        self._obey(now)

    def _obey(self, now: datetime) -> None:
        orders = in_force(self._orders.values(), now)
        if orders != self._in_force:
            self._in_force = orders
            self._plans.clear()

    async def keep_looking(self, now: Callable[[], datetime]) -> NoReturn:
        """Look for stale tables until cancelled, by the broker's time."""
        while True:
            self.look(now())
            await asyncio.sleep(LOOK_S)

    @property
    def stale(self) -> frozenset[str]:
        """Give the countries whose tables were stale at the last look."""
        return self._stale

    def ages_s(self, now: datetime) -> dict[str, float]:
        """Tell of each country how long ago somebody looked at the evidence for its table."""
        return {
            country: (now - plan.decided_at).total_seconds()
            for country, plan in self._followed.items()
            if plan.decided_at
        }

    def figures(self) -> dict[str, Any]:
        """Give the figures for health and status."""
        refused = {reason.value: count for reason, count in self.refused.items()}
        return {
            "tables": len(self._followed),
            "stale": sorted(self._stale),
            "refused": refused,
            "orders": len(self._in_force),
        }

    def _follow(self, table: RouteTable, record: Record) -> RoutePlan | Refusal:
        appended_at = datetime.fromtimestamp(record.timestamp_ms / 1000, tz=UTC)
        configured = shares_for(self._routes, table.country)
        return follow(table, configured, self._followed.get(table.country), appended_at)

    def _refuse(self, reason: Refusal, country: str, record: Record) -> None:
        self.refused[reason] += 1
        if self._wrong.get(country) is not reason:
            self._wrong[country] = reason
            log.warning("routes.refused", reason=reason, country=country or None, offset=record.offset)

"""All accounts at providers, as the dispatcher holds them, and the choice among them."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from pipeline.dispatch.choice import Eligible, choose, eligible, point_of
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.limits import SecondSendBudget, SendLimit, rescue_limit
from pipeline.dispatch.refusals import unwilling
from pipeline.records import Attempt
from pipeline.records.topics import RETRY_TIERS
from pipeline.settings import DispatchSettings, ProviderSettings, Settings
from pipeline.settings.countries import EVERYWHERE
from providers.seam import Provider
from workers.dispatch.account import Account, Permit
from workers.dispatch.opened import OpenedRequest
from workers.dispatch.permits import Permits, first_free
from workers.dispatch.tables import Tables
from workers.loop import Parking

PERMIT_WAIT_S: Final = min(tier.delay for tier in RETRY_TIERS).total_seconds()
# For each so many permits there is one more, whose message is still being claimed while the others are under way: the
# limit itself is that of the connections, for one of which it then waits a moment.
DOORWAY: Final = 8
NOWHERE: Final = Eligible(shares={}, instead={})


class Accounts:
    """All accounts, and the choice among them."""

    def __init__(
        self,
        settings: Settings,
        providers: Mapping[str, Provider],
        *,
        tables: Tables | None = None,
        parking: Parking | None = None,
        permit_wait_s: float = PERMIT_WAIT_S,
    ) -> None:
        self.tables = tables or Tables(settings.routes)
        self._parking = parking or Parking(0)
        self._wait_s = permit_wait_s
        self.all = {
            name: _account(provider, settings.providers[name], settings.dispatch)
            for name, provider in providers.items()
        }
        self._of = {account.permits: account for account in self.all.values()}

    def open_breakers(self, now: float) -> dict[str, list[str]]:
        """Give the countries whose breakers let nothing through now, by provider; `*` is the whole provider."""
        opened = {
            name: sorted(scope or EVERYWHERE for scope, breaker in account.breakers.items() if not breaker.allows(now))
            for name, account in self.all.items()
        }
        return {name: scopes for name, scopes in opened.items() if scopes}

    def reaches(self, country: str) -> bool:
        """Tell whether any provider is configured for a country."""
        return bool(self.names_in(country))

    def names_in(self, country: str) -> Collection[str]:
        """Name the providers that are configured for a country, and not banned from it."""
        plan = self.tables.of(country)
        return plan.shares.keys() if plan else ()

    def health_of(self, provider: str, country: str) -> RouteHealth:
        """Tell what the newest table says of a route."""
        plan = self.tables.of(country)
        return plan.health_of(provider) if plan else UNKNOWN_HEALTH

    async def acquire(self, opened: OpenedRequest, number: int, *, again: bool, rescue: bool = False) -> Permit | None:
        """Choose a provider for an attempt and acquire a permit of it; none when nobody is free in time.

        Providers already tried are left out. When no untried one is open, none is left; with `again`, all but the
        last are. While all that are left are merely full, a permit is waited for: as long as the shortest tier would
        take, so that a burst flows at the pace of its providers. Who waits is parked: others go on meanwhile.
        A `rescue` goes through no provider that is known to be broken, and none that has too many of them already.
        """
        country, until = opened.phone.country, time.monotonic() + self._wait_s
        point = point_of(opened.request.request_id, number)
        while (found := self._eligible_for(opened, again=again, rescue=rescue)).shares:
            permits = self._free_now(found, point) or await self._free_later(found, until - time.monotonic())
            if permits is None:
                return None
            if permit := self._permitted(self._of[permits], country, rescue=rescue):
                return permit
            permits.release(unused=True)
        return None

    def eligible(
        self, country: str, tried: Sequence[str], *, again: bool, rescue: bool, without: Collection[str] = ()
    ) -> Eligible:
        """Give the providers that an attempt may go through, were they not full."""
        plan, now = self.tables.of(country), time.monotonic()
        if plan is None:
            return NOWHERE
        shut = [
            name for name in plan.shares if (account := self.all[name]).breakers and not account.allows(country, now)
        ]
        shut += without
        if rescue:
            shut += [name for name in plan.shares if not self.all[name].may_rescue(now)]
        return eligible(plan, shut, tried, again=again, strict=rescue)

    def refute(self, attempt: Attempt) -> None:
        """Count against the routes what they refused and this attempt's provider has taken."""
        for refused in attempt.refutes:
            if account := self.all.get(refused.provider):
                account.refuted(attempt.country, time.monotonic())

    def _eligible_for(self, opened: OpenedRequest, *, again: bool, rescue: bool) -> Eligible:
        return self.eligible(
            opened.phone.country, opened.tried, again=again, rescue=rescue, without=unwilling(opened.counted)
        )

    def _permitted(self, account: Account, country: str, *, rescue: bool) -> Permit | None:
        """Give the permit that was acquired, unless its provider has broken while it was waited for."""
        now = time.monotonic()
        if not account.allows(country, now):
            return None
        probe = self.health_of(account.provider.name, country).broken
        return account.permit(country, now, probe=probe, rescue=rescue)

    def _free_now(self, found: Eligible, point: float) -> Permits | None:
        shares, full = found.shares, set[str]()
        while name := choose(shares, full, point):
            if self.all[name].permits.acquire():
                return self.all[name].permits
            full.add(name)
            shares = found.instead
        return None

    async def _free_later(self, found: Eligible, within_s: float) -> Permits | None:
        if within_s <= 0:
            return None
        with self._parking.park():
            return await first_free([self.all[name].permits for name in found.instead], within_s)


def _account(provider: Provider, settings: ProviderSettings, policy: DispatchSettings) -> Account:
    permits = settings.in_flight + settings.in_flight // DOORWAY
    return Account(
        provider=provider,
        permits=Permits(SendLimit(permits, settings.per_second)),
        budget=SecondSendBudget(policy.second_send_budget),
        rescues=rescue_limit(settings.in_flight, settings.per_second, policy.rescue_share),
        timeout_s=min(settings.timeout_s, policy.send_timeout_s),
        senders=settings.senders,
        pools=settings.pools,
    )

"""All providers as the dispatcher holds them, and the choice among them."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from pipeline.dispatch.choice import Open, choose, open_to, point_of
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.limits import SecondSendBudget, SendLimit, rescue_limit
from pipeline.dispatch.refusals import unwilling
from pipeline.records import Attempt
from pipeline.records.topics import RETRY_TIERS
from pipeline.settings import DispatchSettings, ProviderSettings, Settings
from pipeline.settings.countries import EVERYWHERE
from providers.seam import Provider
from workers.dispatch.case import Case
from workers.dispatch.desk import Desk, Place
from workers.dispatch.places import Places, first_free
from workers.dispatch.tables import Tables
from workers.loop import Parking

PLACE_WAIT_S: Final = min(tier.delay for tier in RETRY_TIERS).total_seconds()
# For each so many places there is one more, whose message is still being claimed while the others are under way: the
# limit itself is that of the connections, for one of which it then waits a moment.
DOORWAY: Final = 8
NOWHERE: Final = Open(shares={}, instead={})


class Desks:
    """All providers, and the choice among them."""

    def __init__(
        self,
        settings: Settings,
        providers: Mapping[str, Provider],
        *,
        tables: Tables | None = None,
        parking: Parking | None = None,
        place_wait_s: float = PLACE_WAIT_S,
    ) -> None:
        self.tables = tables or Tables(settings.routes)
        self._parking = parking or Parking(0)
        self._wait_s = place_wait_s
        self.all = {
            name: _desk(provider, settings.providers[name], settings.dispatch) for name, provider in providers.items()
        }
        self._of = {desk.places: desk for desk in self.all.values()}

    def open_breakers(self, now: float) -> dict[str, list[str]]:
        """Give the countries whose breakers let nothing through now, by provider; `*` is the whole provider."""
        opened = {
            name: sorted(scope or EVERYWHERE for scope, breaker in desk.breakers.items() if not breaker.allows(now))
            for name, desk in self.all.items()
        }
        return {name: scopes for name, scopes in opened.items() if scopes}

    def reaches(self, country: str) -> bool:
        """Tell whether any provider is configured for a country."""
        return bool(self.names_in(country))

    def names_in(self, country: str) -> Collection[str]:
        """Name the providers that are configured for a country, and not banned from it."""
        course = self.tables.of(country)
        return course.shares.keys() if course else ()

    def health_of(self, provider: str, country: str) -> RouteHealth:
        """Tell what the newest table says of a route."""
        course = self.tables.of(country)
        return course.health_of(provider) if course else UNKNOWN_HEALTH

    async def take(self, case: Case, number: int, *, again: bool, rescue: bool = False) -> Place | None:
        """Choose a provider for an attempt of a case and take a place at it; none when nobody is free in time.

        Providers already tried are left out. When no untried one is open, none is left; with `again`, all but the
        last are. While all that are left are merely full, a place is waited for: as long as the shortest tier would
        take, so that a burst flows at the pace of its providers. Who waits is parked: others go on meanwhile.
        A `rescue` goes through no provider that is known to be broken, and none that has too many of them already.
        """
        country, until = case.phone.country, time.monotonic() + self._wait_s
        point = point_of(case.request.request_id, number)
        while (open_now := self._open_for(case, again=again, rescue=rescue)).shares:
            places = self._free_now(open_now, point) or await self._free_later(open_now, until - time.monotonic())
            if places is None:
                return None
            if place := self._placed(self._of[places], country, rescue=rescue):
                return place
            places.give_back(unused=True)
        return None

    def open_to(
        self, country: str, tried: Sequence[str], *, again: bool, rescue: bool, without: Collection[str] = ()
    ) -> Open:
        """Give the providers that an attempt may go through, were they not full."""
        course, now = self.tables.of(country), time.monotonic()
        if course is None:
            return NOWHERE
        shut = [name for name in course.shares if (desk := self.all[name]).breakers and not desk.allows(country, now)]
        shut += without
        if rescue:
            shut += [name for name in course.shares if not self.all[name].may_rescue(now)]
        return open_to(course, shut, tried, again=again, strict=rescue)

    def refute(self, attempt: Attempt) -> None:
        """Count against the routes what they refused and this attempt's provider has taken."""
        for refused in attempt.refutes:
            if desk := self.all.get(refused.provider):
                desk.refuted(attempt.country, time.monotonic())

    def _open_for(self, case: Case, *, again: bool, rescue: bool) -> Open:
        return self.open_to(case.phone.country, case.tried, again=again, rescue=rescue, without=unwilling(case.counted))

    def _placed(self, desk: Desk, country: str, *, rescue: bool) -> Place | None:
        """Give the place that was taken, unless its provider has broken while it was waited for."""
        now = time.monotonic()
        if not desk.allows(country, now):
            return None
        probe = self.health_of(desk.provider.name, country).broken
        return desk.place(country, now, probe=probe, rescue=rescue)

    def _free_now(self, open_now: Open, point: float) -> Places | None:
        shares, full = open_now.shares, set[str]()
        while name := choose(shares, full, point):
            if self.all[name].places.take():
                return self.all[name].places
            full.add(name)
            shares = open_now.instead
        return None

    async def _free_later(self, open_now: Open, within_s: float) -> Places | None:
        if within_s <= 0:
            return None
        with self._parking.park():
            return await first_free([self.all[name].places for name in open_now.instead], within_s)


def _desk(provider: Provider, account: ProviderSettings, policy: DispatchSettings) -> Desk:
    places = account.in_flight + account.in_flight // DOORWAY
    return Desk(
        provider=provider,
        places=Places(SendLimit(places, account.per_second)),
        budget=SecondSendBudget(policy.second_send_budget),
        rescues=rescue_limit(account.in_flight, account.per_second, policy.rescue_share),
        timeout_s=min(account.timeout_s, policy.send_timeout_s),
        senders=account.senders,
        pools=account.pools,
    )

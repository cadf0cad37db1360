"""The providers as the dispatcher holds them: adapters with their limits, breakers and budgets."""

import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from pipeline.breaker import CLOSED, Breaker
from pipeline.choice import EVERYWHERE, choose, for_country, point_of, shares_for
from pipeline.errors import NotSent, ProviderError, Scope, Throttled
from pipeline.limits import SecondSendBudget, SendLimit
from pipeline.settings import ProviderSettings, Settings
from pipeline.topics import RETRY_TIERS
from providers.seam import Provider
from workers.dispatch.case import Case
from workers.dispatch.places import Places, first_free
from workers.log import get_log
from workers.loop import Parking

PLACE_WAIT_S: Final = min(tier.delay for tier in RETRY_TIERS).total_seconds()
# For each so many places there is one more, whose message is still being claimed while the others are under way: the
# limit itself is that of the connections, for one of which it then waits a moment.
DOORWAY: Final = 8

log = get_log("dispatch")


@dataclass(slots=True, kw_only=True)
class Desk:
    """One provider's place: its adapter and what is known of it in this process."""

    provider: Provider
    places: Places
    budget: SecondSendBudget
    timeout_s: float
    senders: Mapping[str, str]
    pools: Mapping[str, str]
    breakers: dict[str | None, Breaker] = field(default_factory=dict)  # country, or none for the whole provider

    def allows(self, country: str, now: float) -> bool:
        """Tell whether neither the provider's nor the route's breaker is in the way."""
        return not self.breakers or all(self.breakers.get(scope, CLOSED).allows(now) for scope in (None, country))

    def place(self, country: str, now: float) -> "Place":
        """Give a place that was taken to a message; with a half-open breaker it is the one of its probe."""
        probed = self._known(country)
        for scope in probed:
            self.breakers[scope] = self.breakers[scope].starting(now)
        return Place(desk=self, probed=probed)

    def unprobe(self, scopes: AbstractSet[str | None]) -> None:
        """Note that a probe has ended: if it was not even made, the next message may be it."""
        for scope in scopes & self.breakers.keys():
            self.breakers[scope] = self.breakers[scope].unprobed()

    def succeed(self, country: str) -> None:
        """Note that the provider took a message: its breakers close."""
        self.breakers.pop(None, None)
        self.breakers.pop(country, None)

    def fail(self, country: str, error: ProviderError, now: float) -> None:
        """Note a failure where it belongs: at the provider, at the route, or nowhere."""
        if isinstance(error, NotSent):
            return
        if error.scope is Scope.NOTHING and not isinstance(error, Throttled):
            self.succeed(country)  # it refuses this message, and so it lives
            return
        scope = country if error.scope is Scope.ROUTE else None
        before = self.breakers.get(scope, CLOSED)
        after = before.failure(now, opens=error.opens_breaker, hold_s=error.retry_after_s)
        self.breakers[scope] = after
        if before.open_until is None and after.open_until is not None:
            log.warning("breaker.opened", provider=self.provider.name, country=scope, provider_code=error.code)

    def _known(self, country: str) -> AbstractSet[str | None]:
        """Give the scopes of a country whose breaker is not closed: in quiet times none, which costs nothing."""
        if not self.breakers:
            return frozenset()
        return {
            scope for scope in self.breakers.keys() & {None, country} if self.breakers[scope].open_until is not None
        }

    def sender(self, country: str) -> str | None:
        """Give the sender ID for a country, where the settings name one."""
        return for_country(self.senders, country)

    def pool(self, country: str) -> str | None:
        """Give the provider's id of a pool of senders for a country, where the settings have one."""
        return for_country(self.pools, country)


@dataclass(slots=True, kw_only=True)
class Place:
    """A place at a provider, from before the claim until its answer: what follows that is not its business."""

    desk: Desk
    probed: AbstractSet[str | None]  # the breakers' scopes that this message is a probe of
    held: bool = True

    def free(self) -> None:
        """Give it back, once."""
        if self.held:
            self.held = False
            self.desk.unprobe(self.probed)
            self.desk.places.give_back()


class Desks:
    """All providers, and the choice among them."""

    def __init__(
        self,
        settings: Settings,
        providers: Mapping[str, Provider],
        *,
        parking: Parking | None = None,
        place_wait_s: float = PLACE_WAIT_S,
    ) -> None:
        self._routes = settings.routes
        self._parking = parking or Parking(0)
        self._wait_s = place_wait_s
        self.all = {
            name: Desk(
                provider=provider,
                places=Places(_limit(settings.providers[name])),
                budget=SecondSendBudget(settings.dispatch.second_send_budget),
                timeout_s=min(settings.providers[name].timeout_s, settings.dispatch.send_timeout_s),
                senders=settings.providers[name].senders,
                pools=settings.providers[name].pools,
            )
            for name, provider in providers.items()
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
        return bool(shares_for(self._routes, country))

    async def take(self, case: Case, number: int, *, again: bool) -> Place | None:
        """Choose a provider for an attempt of a case and take a place at it; none when nobody is free in time.

        Providers already tried are left out. When no untried one is open, none is left; with `again`, all but the
        last are. While all that are left are merely full, a place is waited for: as long as the shortest tier would
        take, so that a burst flows at the pace of its providers. Who waits is parked: others go on meanwhile.
        """
        country, until = case.phone.country, time.monotonic() + self._wait_s
        point = point_of(case.request.request_id, number)
        while shares := self._usable(case, again=again):
            places = self._free_now(shares, point) or await self._free_later(shares, until - time.monotonic())
            if places is None:
                return None
            desk, now = self._of[places], time.monotonic()
            if desk.allows(country, now):  # it may have broken while it was waited for
                return desk.place(country, now)
            places.give_back(unused=True)
        return None

    def _usable(self, case: Case, *, again: bool) -> Mapping[str, float]:
        """Give the shares of the providers that an attempt may go through, were they not full."""
        country, now = case.phone.country, time.monotonic()
        shares = shares_for(self._routes, country)
        opened = {name for name in shares if self.all[name].allows(country, now)}
        if not case.attempts and len(opened) == len(shares):  # as nearly always
            return shares
        without = _left_out(opened, [one.provider for one in case.attempts], again=again)
        return {name: share for name, share in shares.items() if name in opened - without}

    def _free_now(self, shares: Mapping[str, float], point: float) -> Places | None:
        full: set[str] = set()
        while name := choose(shares, full, point):
            if self.all[name].places.take():
                return self.all[name].places
            full.add(name)
        return None

    async def _free_later(self, shares: Mapping[str, float], within_s: float) -> Places | None:
        if within_s <= 0:
            return None
        with self._parking.park():
            return await first_free([self.all[name].places for name in shares], within_s)


def _limit(account: ProviderSettings) -> SendLimit:
    return SendLimit(account.in_flight + account.in_flight // DOORWAY, account.per_second)


def _left_out(opened: AbstractSet[str], tried: Sequence[str], *, again: bool) -> set[str]:
    if not again or opened - set(tried):
        return set(tried)
    return set(tried[-1:]) if opened - set(tried[-1:]) else set()

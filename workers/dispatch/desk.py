"""The providers as the dispatcher holds them: adapters with their limits, breakers and budgets."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from pipeline.breaker import CLOSED, Breaker
from pipeline.choice import EVERYWHERE, choose, point_of, shares_for
from pipeline.errors import NotSent, ProviderError, Scope, Throttled
from pipeline.limits import SecondSendBudget, SendLimit
from pipeline.settings import Settings
from providers.base import Provider
from workers.dispatch.case import Case
from workers.log import get_log

log = get_log("dispatch")


@dataclass(slots=True, kw_only=True)
class Desk:
    """One provider's place: its adapter and what is known of it in this process."""

    provider: Provider
    limit: SendLimit
    budget: SecondSendBudget
    timeout_s: float
    senders: Mapping[str, str]
    breakers: dict[str | None, Breaker] = field(default_factory=dict)  # country, or none for the whole provider

    def allows(self, country: str, now: float) -> bool:
        """Tell whether neither the provider's nor the route's breaker is in the way."""
        return not self.breakers or all(self.breakers.get(scope, CLOSED).allows(now) for scope in (None, country))

    def take(self, country: str, now: float) -> bool:
        """Take a place, and with a half-open breaker the one place of its probe. False: none is free."""
        if not self.limit.take(now):
            return False
        for scope in self._known(country):
            self.breakers[scope] = self.breakers[scope].starting(now)
        return True

    def give_back(self, country: str) -> None:
        """Free the place; a probe that was not made may be made by the next one."""
        self.limit.give_back()
        for scope in self._known(country):
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
        """Give the scopes of a country that have a breaker: in quiet times none, which costs nothing."""
        return self.breakers.keys() & {None, country} if self.breakers else frozenset()

    def sender(self, country: str) -> str | None:
        """Give the sender ID for a country, where the settings name one."""
        return self.senders.get(country) or self.senders.get("*")


class Desks:
    """All providers, and the choice among them."""

    def __init__(self, settings: Settings, providers: Mapping[str, Provider]) -> None:
        self._routes = settings.routes
        self.all = {
            name: Desk(
                provider=provider,
                limit=SendLimit(settings.providers[name].in_flight, settings.providers[name].per_second),
                budget=SecondSendBudget(settings.dispatch.second_send_budget),
                timeout_s=min(settings.providers[name].timeout_s, settings.dispatch.send_timeout_s),
                senders=settings.providers[name].senders,
            )
            for name, provider in providers.items()
        }

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

    def take(self, case: Case, number: int, now: float, *, again: bool) -> Desk | None:
        """Choose a provider for an attempt of a case and take a place at it; none when nobody is free.

        Providers already tried are left out. When no untried one is open, none is left; with `again`, all but the
        last are.
        """
        country = case.phone.country
        shares = shares_for(self._routes, country)
        closed = {name for name in shares if not self.all[name].allows(country, now)}
        without = closed | _left_out(shares.keys() - closed, [one.provider for one in case.attempts], again=again)
        point = point_of(case.request.request_id, number)
        while name := choose(shares, without, point):
            desk = self.all[name]
            if desk.take(country, now):
                return desk
            without.add(name)
        return None


def _left_out(opened: AbstractSet[str], tried: Sequence[str], *, again: bool) -> set[str]:
    if not again or opened - set(tried):
        return set(tried)
    return set(tried[-1:]) if opened - set(tried[-1:]) else set()

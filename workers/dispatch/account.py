"""One account at a provider, as the dispatcher holds it: its adapter with its limits, breakers and budgets."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from pipeline.dispatch.breaker import CLOSED, Breaker
from pipeline.dispatch.limits import SecondSendBudget, SendLimit
from pipeline.errors import Malformed, ProviderError, Refused, Rejected, Scope, Undeliverable
from pipeline.settings.countries import for_country
from providers.seam import Provider
from workers.dispatch.permits import Permits
from workers.log import get_log

log = get_log("dispatch")

MOST_WORDS: Final = 100  # that are said of a provider: one that makes up a new word each time fills no log
# Refusals of one message: who makes them is there and knows us. Of the country they say nothing.
LIVES: Final = (Rejected, Undeliverable, Malformed)


@dataclass(slots=True, kw_only=True)
class Account:
    """One account at a provider: its adapter and what is known of it in this process."""

    provider: Provider
    permits: Permits
    budget: SecondSendBudget
    rescues: SendLimit  # of what others have swallowed
    timeout_s: float
    senders: Mapping[str, str]
    pools: Mapping[str, str]
    breakers: dict[str | None, Breaker] = field(default_factory=dict)  # country, or none for the whole provider
    new_words: set[str] = field(default_factory=set)  # of its refusals, that were said

    def allows(self, country: str, now: float) -> bool:
        """Tell whether neither the provider's nor the route's breaker is in the way."""
        return not self.breakers or all(self.breakers.get(scope, CLOSED).allows(now) for scope in (None, country))

    def may_rescue(self, now: float) -> bool:
        """Tell whether one more message that another provider has swallowed may be sent."""
        return self.rescues.wait_s(now) == 0

    def permit(self, country: str, now: float, *, probe: bool, rescue: bool) -> "Permit | None":
        """Give a permit that was acquired to a message; with a half-open breaker it is the one of its probe.

        Gives none when it was a rescue's, and there are too many of these.
        """
        if rescue and not self.rescues.acquire(now):
            return None
        probed = self._known(country)
        for scope in probed:
            self.breakers[scope] = self.breakers[scope].starting(now)
        return Permit(account=self, probed=probed, probe=probe, rescue=rescue)

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
        if isinstance(error, Refused):
            self._say(country, error.code)
        if error.scope is Scope.NOTHING:
            if isinstance(error, LIVES):
                self.breakers.pop(None, None)
            return
        scope = country if error.scope is Scope.ROUTE else None
        self._count(scope, error.code, now, opens=error.opens_breaker, hold_s=error.retry_after_s)

    def _say(self, country: str, word: str) -> None:
        """Say a word that is in no table, once."""
        if word not in self.new_words and len(self.new_words) < MOST_WORDS:
            self.new_words.add(word)
            log.warning("provider.new_word", provider=self.provider.name, country=country, provider_code=word)

    def refuted(self, country: str, now: float) -> None:
        """Note that it refused for the number's or the text's sake what another provider took."""
        self._count(country, "refuted", now)

    def _count(
        self, scope: str | None, code: str, now: float, *, opens: bool = False, hold_s: float | None = None
    ) -> None:
        before = self.breakers.get(scope, CLOSED)
        after = self.breakers[scope] = before.failure(now, opens=opens, hold_s=hold_s)
        if before.open_until is None and after.open_until is not None:
            log.warning("breaker.opened", provider=self.provider.name, country=scope, provider_code=code)

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
class Permit:
    """The right to one send through an account, from before the claim until the provider's answer."""

    account: Account
    probed: AbstractSet[str | None]  # the breakers' scopes that this message is a probe of
    probe: bool = False  # of a route that is known to be broken
    rescue: bool = False  # of what another provider has swallowed
    held: bool = True

    def release(self) -> None:
        """Give it back, once."""
        if self.held:
            self.held = False
            self.account.unprobe(self.probed)
            self.account.permits.release()
            if self.rescue:
                self.account.rescues.release()

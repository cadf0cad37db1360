"""All providers and countries: once a second, what is believed and where messages go."""

from collections.abc import Collection, Mapping
from typing import Final

from pipeline.evidence.rejections import weigh_rejections
from pipeline.evidence.routes import Evidence, RouteEvidence
from pipeline.records import Order, RouteTable
from pipeline.routing.country import Country, View
from pipeline.routing.hearing import Hearing, entries_since, together
from pipeline.routing.joint import failing_since, heard_of
from pipeline.routing.likelihood import SETTLED_S
from pipeline.routing.model import REFRESH_S, Pooled, ProviderModel
from pipeline.settings.countries import EVERYWHERE, shares_for

MISSING: Final = 2.0  # so many entries of a provider must be due and missing before others are asked
UNHEARD: Final = 0.7  # entries of the others that are due: less tells nothing ...
PATIENCE_S: Final = 15  # ... and is waited for so long


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
        self._providers: dict[str, ProviderModel] = {}
        self._countries: dict[str, Country] = {}
        self._orders: Collection[Order] = ()
        self._pooled_at = 0

    @property
    def tables(self) -> dict[str, RouteTable]:
        """Give the newest table of each country."""
        return {name: country.table for name, country in self._countries.items() if country.table}

    def order(self, orders: Collection[Order]) -> None:
        """Take what operators want from now on."""
        self._orders = orders

    def follow(self, table: RouteTable) -> None:
        """Go on from a table that another decider has published, should this one have to decide."""
        self._welcome(table.country, int(table.decided_at.timestamp()))
        if country := self._countries.get(table.country):
            country.follow(table)
            for route in table.routes:
                model = self._providers.get(route.provider)
                if model and table.country in model.routes:
                    model.routes[table.country].recovery.follow(route, table.decided_at.timestamp())

    def absorb(self, evidence: Evidence, now: float) -> None:
        """Learn from the past, as after a restart, without a decision."""
        self._meet(evidence, int(now))
        weigh_rejections(evidence, int(now))
        self._pool(evidence, int(now))
        for provider, model in self._providers.items():
            routes = _routes(evidence, provider, model)
            model.freshen(routes, int(now))
            model.settle(routes, int(now) - SETTLED_S)

    def decide(self, evidence: Evidence, now: float) -> list[RouteTable]:
        """Look at the evidence, once a second; give the tables that changed."""
        second = int(now)
        self.absorb(evidence, now)
        for provider, model in self._providers.items():
            model.look(_routes(evidence, provider, model), second)
        elsewhere = self._heard(evidence, second)
        self._mind_entries(evidence, second)
        reported = {provider: model.reported() for provider, model in self._providers.items()}
        views = {name: self._views(name, evidence, reported) for name in self._countries}
        changed = (
            country.decide(views[name], self._orders_of(name, now), elsewhere, second)
            for name, country in self._countries.items()
        )
        return [table for table in changed if table]

    def _mind_entries(self, evidence: Evidence, now: int) -> None:
        """Hold missing entries against a provider only when those of others come: else it is not the provider."""
        for provider, model in self._providers.items():
            routes = _routes(evidence, provider, model)
            since = max((route.entries.newest for route in routes.values()), default=now)
            since = max(since, now - SETTLED_S)
            model.trust_entries(routes, now, miss=self._tells_of(evidence, provider, now, since))

    def _tells_of(self, evidence: Evidence, provider: str, now: int, since: int) -> bool:
        """Tell whether entries that are missing since a second are a sign against their provider."""
        if self._entries_since(evidence, now, since, [provider]).due < MISSING:
            return True
        others = self._entries_since(evidence, now, since, self._providers.keys() - {provider})
        return others.says_broken < 0 or (others.due < UNHEARD and now - since >= PATIENCE_S)

    def _entries_since(self, evidence: Evidence, now: int, since: int, providers: Collection[str]) -> Hearing:
        return together(
            entries_since(route, evidence.route(provider, country), now, since)
            for provider in providers
            for country, route in self._providers[provider].routes.items()
            if not route.recovery.broken
        )

    def _heard(self, evidence: Evidence, now: int) -> dict[str, Hearing]:
        """Give what was heard in all countries of each provider's sound routes, since others began to fail."""
        routes = [route for model in self._providers.values() for route in model.routes.values()]
        since = failing_since(routes, now)
        if since is None:
            return {}
        return {
            provider: together(
                heard_of(route, evidence.route(provider, country), now, since)
                for country, route in model.routes.items()
                if route.unwell_since is None
            )
            for provider, model in self._providers.items()
        }

    def _pool(self, evidence: Evidence, now: int) -> None:
        """Learn from all routes together how long messages take."""
        if now - self._pooled_at >= REFRESH_S:
            self._pooled_at = now
            pooled = Pooled.of(evidence.routes.values())
            for model in self._providers.values():
                model.pooled = pooled

    def _meet(self, evidence: Evidence, now: int) -> None:
        """Get to know countries and routes that have come up."""
        seen = {country for _, country in evidence.routes}
        for name in (self._configured.keys() - {EVERYWHERE}) | seen:
            self._welcome(name, now)

    def _welcome(self, country: str, now: int) -> None:
        if country in self._countries or not (shares := shares_for(self._configured, country)):
            return
        self._countries[country] = Country(country)
        for provider in shares:
            if provider not in self._providers:
                self._providers[provider] = ProviderModel(now)
            self._providers[provider].add(country)

    def _views(self, country: str, evidence: Evidence, reported: Mapping[str, tuple[float, float]]) -> list[View]:
        """Give the routes of a country, those with the largest configured share first."""
        shares = shares_for(self._configured, country)
        return [
            self._view(provider, country, evidence.route(provider, country), reported[provider], share)
            for provider, share in sorted(shares.items(), key=lambda one: -one[1])
        ]

    def _view(
        self, provider: str, country: str, evidence: RouteEvidence, reported: tuple[float, float], configured: float
    ) -> View:
        model = self._providers[provider]
        begins, ends = model.rates(country)
        return View(
            provider=provider,
            model=model.routes[country],
            evidence=evidence,
            prior=model.prior(country, reported),
            configured=configured,
            capacity_per_s=self._capacity_per_s.get(provider),
            begins=begins,
            ends=ends,
        )

    def _orders_of(self, country: str, now: float) -> list[Order]:
        return [
            order
            for order in self._orders
            if order.country in {country, EVERYWHERE} and order.expires_at.timestamp() > now
        ]


def _routes(evidence: Evidence, provider: str, model: ProviderModel) -> dict[str, RouteEvidence]:
    return {country: evidence.route(provider, country) for country in model.routes}

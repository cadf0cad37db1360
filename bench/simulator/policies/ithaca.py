"""The product's own decision, from the very code that the decider runs."""

from typing import Final

from bench.simulator.policies.base import Heard, News, Policy, equal
from bench.simulator.truth import Truth
from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts, Route, RouteState, RouteTable
from pipeline.routing import Router

START: Final = 1_800_000_000  # the epoch second of the run's start
PRUNE_EVERY_S: Final = 60
LIKELY_BROKEN: Final = 0.2  # a suspect route that is less likely than this to work


class Ithaca(Policy):
    """Evidence and Router, fed each second."""

    def __init__(self, truth: Truth) -> None:
        self._evidence = Evidence()
        self._router = Router({"*": {name: 100 * share for name, share in equal(truth.providers).items()}})
        self._routes: dict[tuple[str, str], Route] = {}
        self.shares = {country: equal(truth.providers) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        now = START + second
        for (sent, provider, country), heard in news.items():
            self._evidence.add(Cell(START + sent, provider, country, "", _counts(heard)), now)
        if second % PRUNE_EVERY_S == 0:
            self._evidence.prune(now)
        for table in self._router.decide(self._evidence, now):
            self._follow(table)

    def distrusts(self, provider: str, country: str) -> bool:
        route = self._routes.get((provider, country))
        if route is None:
            return False
        suspect = route.state is RouteState.SUSPECT and route.normal < LIKELY_BROKEN
        return suspect or route.state is RouteState.BROKEN

    def reports(self, provider: str, country: str) -> bool:
        route = self._routes.get((provider, country))
        return route is None or route.silence_s is not None

    def probes(self, provider: str, country: str) -> bool:
        route = self._routes.get((provider, country))
        return route is not None and route.state is RouteState.BROKEN

    def _follow(self, table: RouteTable) -> None:
        self.shares[table.country] = {route.provider: route.share for route in table.routes}
        self._routes.update({(route.provider, table.country): route for route in table.routes})


def _counts(heard: Heard) -> Counts:
    return Counts(
        accepted=heard.accepted,
        refused=heard.refused,
        delivered=heard.delivered,
        failed=heard.failed,
        verified=heard.verified,
        rescued=heard.rescued,
        first=heard.first,
        creditable=heard.creditable,
    )

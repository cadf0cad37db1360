"""Why the shares of a country are what they are: its table, what is believed of each route, orders in force."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from pipeline.dispatch.following import STALE
from pipeline.records import Mode, Order, Route, RouteTable
from pipeline.routing.explain import state
from pipeline.routing.overrides import in_force, of_country
from pipeline.settings.countries import shares_for

MODES: Final = {
    Mode.AUTOMATIC: "the shares follow what receipts and entered codes tell",
    Mode.ALL_BAD: "messages through every provider are missing, so it is not the providers: nothing is moved",
    Mode.PINNED: "an operator has pinned a provider",
    Mode.HELD: "an operator holds the shares as they are",
}
NO_TABLE: Final = "no table: nothing was sent there yet or nobody decides, so the shares of the settings hold"


class RouteStory(Struct, frozen=True, kw_only=True):
    """One provider."""

    provider: str
    share: float  # of the traffic, 0 to 1
    configured: float  # share of the settings in percent
    leader: bool = False
    state: str | None = None
    says: str = ""  # what is believed, and by what


class CountryStory(Struct, frozen=True, kw_only=True):
    """One country."""

    country: str
    mode: str | None  # none: there is no table
    says: str
    why: str | None = None  # of the newest change
    changed_at: datetime | None = None
    decided_at: datetime | None = None
    stale: bool = False  # nobody has looked at the evidence for a while
    routes: tuple[RouteStory, ...]
    orders: tuple[Order, ...]


def explain_country(
    country: str,
    table: RouteTable | None,
    routes: Mapping[str, Mapping[str, float]],
    orders: Iterable[Order],
    now: datetime,
) -> CountryStory:
    """Explain a country. `routes` are the shares of the settings."""
    configured = shares_for(routes, country)
    ordered = tuple(of_country(in_force(orders, now), country))
    if table is None:
        return CountryStory(country=country, mode=None, says=NO_TABLE, routes=_of_settings(configured), orders=ordered)
    return CountryStory(
        country=country,
        mode=table.mode,
        says=MODES[table.mode],
        why=table.why,
        changed_at=table.changed_at,
        decided_at=table.decided_at,
        stale=now - table.decided_at > STALE,
        routes=tuple(_route(route, configured) for route in sorted(table.routes, key=lambda route: -route.share)),
        orders=ordered,
    )


def _of_settings(configured: Mapping[str, float]) -> tuple[RouteStory, ...]:
    whole = sum(configured.values()) or 1.0
    return tuple(
        RouteStory(provider=name, share=share / whole, configured=share)
        for name, share in sorted(configured.items(), key=lambda one: -one[1])
    )


def _route(route: Route, configured: Mapping[str, float]) -> RouteStory:
    return RouteStory(
        provider=route.provider,
        share=route.share,
        configured=configured.get(route.provider, 0.0),
        leader=route.leader,
        state=route.state,
        says=state(route),
    )

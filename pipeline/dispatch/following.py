"""A route table as it comes from its topic: refused or followed, what dispatch makes of it, and when it is stale."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Final

from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import Route, RouteState, RouteTable, decode

STALE: Final = timedelta(seconds=30)  # without a newer look at the evidence
AHEAD: Final = timedelta(seconds=5)  # that a decision may be dated after its own record, both by the broker's clock
TOLERANCE: Final = 0.01  # of the sum of all shares: each is rounded
HARDLY_NORMAL: Final = 0.2  # under this probability a suspect is as good as broken
_HIDING: Final = {RouteState.SUSPECT, RouteState.BANNED, RouteState.DRAINED}  # states that a broken route may be in


class Refusal(StrEnum):
    """Why a table is not followed. A closed list: labels and filters are made of it."""

    UNREADABLE = "unreadable"  # no JSON object, or an oversized one
    UNKNOWN_VERSION = "unknown_version"
    INVALID_FIELD = "invalid_field"  # missing, or of a wrong type or range
    NOT_FINITE = "not_finite"  # a number that is none
    TWICE = "twice"  # two routes of one provider
    SUM = "sum"  # the shares are not a whole
    NO_PROVIDER = "no_provider"  # all shares are of providers that the settings do not know for this country
    FUTURE = "future"  # decided after its record was appended
    OUTDATED = "outdated"  # a newer one is known


class RouteHealth(Struct, frozen=True, kw_only=True):
    """What is known of the route that an attempt went."""

    broken: bool = False  # it is known to be, while another route of this country is not
    silence_s: float | None = 0.0  # no receipt after so long is a bad sign; none: receipts say nothing here


UNKNOWN_HEALTH: Final = RouteHealth()


class RoutePlan(Struct, frozen=True, kw_only=True):
    """Where the messages of one country go."""

    # Of every provider that the settings have for it and no operator has banned; one of share 0 is a spare.
    shares: Mapping[str, float]
    sound: Mapping[str, float]  # those that are neither broken nor drained, or all when none is left
    drained: tuple[str, ...] = ()  # by an operator: for what none of the sound ones takes
    health: Mapping[str, RouteHealth] = {}
    revision: int = 0
    decided_at: datetime | None = None  # none: this is what the settings say

    def health_of(self, provider: str) -> RouteHealth:
        """Tell what is known of a provider in this country."""
        return self.health.get(provider, UNKNOWN_HEALTH)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether nobody has looked at the evidence for a while."""
        return self.decided_at is not None and now - self.decided_at > STALE


def as_configured(shares: Mapping[str, float]) -> RoutePlan:
    """Give the plan of a country that has no table."""
    return RoutePlan(shares=shares, sound=shares)


def read(value: bytes | None) -> RouteTable | Refusal:
    """Read a record of the topic."""
    try:
        return decode(RouteTable, value)
    except InvalidMessage as error:
        return _UNREAD.get(error.reason, Refusal.UNREADABLE)


_UNREAD: Final = {
    DeadReason.UNKNOWN_VERSION: Refusal.UNKNOWN_VERSION,
    DeadReason.INVALID_FIELD: Refusal.INVALID_FIELD,
}


def follow(
    table: RouteTable, configured: Mapping[str, float], known: RoutePlan | None, appended_at: datetime
) -> RoutePlan | Refusal:
    """Make a plan of a table and of the shares that the settings have for its country; `known` is the one until now.

    Providers that the settings do not know for the country are left out, and the rest is scaled to a whole.
    """
    wrong = next(_wrong(table, configured, appended_at), None)
    if wrong:
        return wrong
    if known and _is_outdated(table, known):
        return Refusal.OUTDATED
    routes = {route.provider: route for route in table.routes if route.provider in configured}
    shares = _shares(routes, configured)
    drained = tuple(
        name for name, share in shares.items() if name in routes and not share and _is_drained(routes[name])
    )
    left = {name: share for name, share in shares.items() if name not in drained}
    sound = {name: share for name, share in left.items() if name not in routes or not is_broken(routes[name])}
    return RoutePlan(
        shares=shares,
        sound=sound or shares,
        drained=drained,
        health={name: _health(route, sound.keys() - {name}) for name, route in routes.items()},
        revision=table.revision,
        decided_at=table.decided_at,
    )


def _shares(routes: Mapping[str, Route], configured: Mapping[str, float]) -> dict[str, float]:
    """Give the shares of a table as a whole, without providers that are banned, as long as others have any."""
    found = {name: routes[name].share if name in routes else 0.0 for name in configured}
    left = {name: share for name, share in found.items() if name not in routes or not _is_banned(routes[name])}
    kept = left if sum(left.values()) > 0 else found
    whole = sum(kept.values())
    return {name: share / whole for name, share in kept.items()}


def _wrong(table: RouteTable, configured: Mapping[str, float], appended_at: datetime) -> Iterator[Refusal]:
    """Find what is wrong with a table in itself."""
    if not all(isfinite(number) for route in table.routes for number in _numbers(route)):
        yield Refusal.NOT_FINITE
    if not all(_in_range(route) for route in table.routes):
        yield Refusal.INVALID_FIELD
    if len({route.provider for route in table.routes}) < len(table.routes):
        yield Refusal.TWICE
    if abs(sum(route.share for route in table.routes) - 1) > TOLERANCE:
        yield Refusal.SUM
    if not any(route.share for route in table.routes if route.provider in configured):
        yield Refusal.NO_PROVIDER
    if table.decided_at > appended_at + AHEAD:
        yield Refusal.FUTURE


def _numbers(route: Route) -> tuple[float, ...]:
    return route.share, route.normal, route.usual, route.due, route.faults, route.silence_s or 0.0


def _in_range(route: Route) -> bool:
    shares = (route.share, route.normal, route.usual)
    return all(0 <= share <= 1 for share in shares) and (route.silence_s is None or route.silence_s >= 0)


def _is_outdated(table: RouteTable, known: RoutePlan) -> bool:
    """Tell an old table from that of a decider that began anew, after the one before had been silent for a while."""
    if known.decided_at is None or table.revision > known.revision:
        return False
    if table.revision == known.revision:
        return table.decided_at < known.decided_at
    return table.decided_at <= known.decided_at + STALE


def _health(route: Route, others: Collection[str]) -> RouteHealth:
    """Tell the health of a route beside the sound ones among the others."""
    return RouteHealth(broken=is_broken(route) and bool(others), silence_s=route.silence_s)


def _is_banned(route: Route) -> bool:
    return route.state is RouteState.BANNED


def _is_drained(route: Route) -> bool:
    return route.state is RouteState.DRAINED


def is_broken(route: Route) -> bool:
    """Tell whether a route is known to be broken, be it that its traffic is still being taken away."""
    hardly = route.state in _HIDING and route.normal < HARDLY_NORMAL
    return route.state is RouteState.BROKEN or hardly

"""What shares would follow from orders, as far as the newest table of a country tells."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from pipeline.dispatch.following import is_broken
from pipeline.orders.judge import Accepted, after
from pipeline.orders.wanted import Situation
from pipeline.records import Order, OrderKind, Route, RouteState, RouteTable
from pipeline.routing.overrides import covers, in_force, overrides
from pipeline.routing.shares import Candidate
from pipeline.routing.steer import steer


class Outlook(Struct, frozen=True, kw_only=True):
    """The shares of one country."""

    country: str
    now: dict[str, float]
    then: dict[str, float]


def outlook(accepted: Accepted, situation: Situation, now: datetime) -> tuple[Outlook, ...]:
    """Tell what would follow in every country that has a table and that an order concerns; of a resume, nothing."""
    orders = in_force(after(accepted, situation.orders), now)
    return tuple(
        Outlook(
            country=country,
            now={route.provider: route.share for route in table.routes},
            then=foresee(table, orders),
        )
        for country, table in sorted(situation.tables.items())
        if covers(accepted.order.country, country) and accepted.order.kind is not OrderKind.RESUME
    )


def foresee(table: RouteTable, orders: Iterable[Order]) -> dict[str, float]:
    """Give the share of each provider under the orders in force, everything else being as it is.

    Capacities are not known here. Withdrawn orders leave the shares as they are: what automation makes of them is its
    own affair.
    """
    broken = [route.provider for route in table.routes if is_broken(route)]
    ordered = overrides(orders, table.country, [route.provider for route in table.routes], broken)
    left = [_candidate(route) for route in table.routes if route.provider not in ordered.out]
    shares = steer({route.provider: route.share for route in table.routes}, left, ordered)
    return {route.provider: round(shares.get(route.provider, 0.0), 4) for route in table.routes}


def _candidate(route: Route) -> Candidate:
    return Candidate(
        provider=route.provider,
        usual=route.usual,
        deviation=0.0,
        normal=route.normal,
        effect=route.normal,
        begins=0.0,
        ends=0.0,
        waits=route.state is RouteState.RETURNING,
    )

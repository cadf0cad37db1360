"""What orders are judged by in these tests: two countries of three providers, in one of which one is broken."""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from pipeline.orders import Accepted, Refused, Situation, Wanted, judge
from pipeline.records import Order, OrderKind, RouteState
from tests.samples import NOW, a_route, a_table

ROUTES: Final = {"GB": {"a": 60.0, "b": 40.0}, "*": {"a": 50.0, "b": 30.0, "c": 20.0}}
TABLES: Final = {
    "GB": a_table(a_route("a", 0.9, leader=True), a_route("b", 0.1)),
    "US": a_table(
        a_route("a", 0.02, RouteState.BROKEN, normal=0.01),
        a_route("b", 0.9, leader=True),
        a_route("c", 0.08),
        country="US",
    ),
}
ORDER_ID: Final = "0123456789abcdef"


def wanted(kind: OrderKind, provider: str | None = None, **changes: Any) -> Wanted:
    made = Wanted(
        kind=kind,
        provider=provider,
        country="GB",
        reason="a drill",
        author="ops",
        expires_at=NOW + timedelta(minutes=5),
    )
    return replace(made, **changes)


def an_order(kind: OrderKind, provider: str | None = None, **changes: Any) -> Order:
    made = Order(
        order_id="order-in-force-001",
        kind=kind,
        provider=provider,
        country="GB",
        reason="an earlier one",
        author="maria",
        at=NOW - timedelta(minutes=1),
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(made, **changes)


def judged(asked: Wanted, *orders: Order, **changes: Any) -> Accepted | Refused:
    return judge(asked, replace(Situation(routes=ROUTES, tables=TABLES, orders=orders), **changes), NOW, ORDER_ID)

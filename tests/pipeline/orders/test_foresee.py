"""The shares that would follow from an order."""

import pytest
from msgspec.structs import replace

from pipeline.orders import Accepted, Situation, outlook
from pipeline.orders.foresee import foresee
from pipeline.records import Order, OrderKind
from tests.pipeline.orders.situations import ROUTES, TABLES, an_order, judged, wanted
from tests.samples import NOW

PIN, BAN, DRAIN, HOLD, PROBE, RESUME = OrderKind


@pytest.mark.parametrize(
    ("orders", "then"),
    [
        ([], {"a": 0.02, "b": 0.9, "c": 0.08}),
        ([an_order(PIN, "c")], {"a": 0.0, "b": 0.0, "c": 1.0}),
        ([an_order(BAN, "c")], {"a": 0.02, "b": 0.98, "c": 0.0}),
        ([an_order(BAN, "b")], {"a": 0.02, "b": 0.0, "c": 0.98}),
        ([an_order(DRAIN, "b")], {"a": 0.02, "b": 0.0, "c": 0.98}),
        ([an_order(DRAIN, "b"), an_order(DRAIN, "c")], {"a": 0.02, "b": 0.9, "c": 0.08}),
        ([an_order(HOLD)], {"a": 0.02, "b": 0.9, "c": 0.08}),
        ([an_order(PROBE, "a")], {"a": 0.05, "b": 0.8724, "c": 0.0776}),
        ([an_order(PIN, "b"), an_order(PROBE, "a")], {"a": 0.05, "b": 0.95, "c": 0.0}),
    ],
)
def test_shares_under_orders(orders: list[Order], then: dict[str, float]) -> None:
    everywhere = [replace(one, country="*") for one in orders]
    assert foresee(TABLES["US"], everywhere) == pytest.approx(then, abs=1e-4)


def test_outlook_tells_of_the_countries_that_an_order_concerns() -> None:
    situation = Situation(routes=ROUTES, tables=TABLES)
    here, everywhere = judged(wanted(BAN, "b")), judged(wanted(BAN, "b", country="*"))
    resume = judged(wanted(RESUME, country="*", partition="otp.requests/0"))
    assert isinstance(here, Accepted)
    assert isinstance(everywhere, Accepted)
    assert isinstance(resume, Accepted)
    assert [one.country for one in outlook(here, situation, NOW)] == ["GB"]
    assert [one.country for one in outlook(everywhere, situation, NOW)] == ["GB", "US"]
    assert outlook(resume, situation, NOW) == ()

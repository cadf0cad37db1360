"""What dispatch itself makes of orders."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.following import RouteHealth, RoutePlan, as_configured
from pipeline.dispatch.obeying import obey
from pipeline.records import Order, OrderKind
from tests.pipeline.orders.situations import an_order

PIN, BAN, DRAIN, HOLD, PROBE, RESUME = OrderKind
PLAN = RoutePlan(
    shares={"a": 0.02, "b": 0.9, "c": 0.08},
    sound={"b": 0.9, "c": 0.08},
    health={"a": RouteHealth(broken=True), "b": RouteHealth(), "c": RouteHealth()},
    revision=3,
)


def under(*orders: Order, alone: bool = False, plan: RoutePlan = PLAN) -> RoutePlan:
    return obey(plan, "GB", orders, alone=alone)


def test_without_orders_nothing_changes() -> None:
    assert under() is PLAN
    assert under(alone=True) is PLAN


@pytest.mark.parametrize("alone", [True, False])
def test_banned_provider_is_left_out_whoever_decides(*, alone: bool) -> None:
    plan = under(an_order(BAN, "b"), alone=alone)
    assert (plan.shares, plan.sound) == ({"a": 0.02, "c": 0.08}, {"c": 0.08})
    assert plan.revision == 3


def test_when_only_a_broken_one_is_left_it_is_used() -> None:
    plan = under(an_order(BAN, "b"), an_order(BAN, "c"))
    assert plan.shares == plan.sound == {"a": 0.02}


def test_bans_of_all_are_not_followed() -> None:
    assert under(*(an_order(BAN, name) for name in "abc")) is PLAN


def test_order_of_another_country_is_not_followed() -> None:
    assert under(an_order(BAN, "b", country="US"), alone=True) is PLAN


@pytest.mark.parametrize("order", [an_order(PIN, "c"), an_order(DRAIN, "b"), an_order(HOLD), an_order(PROBE, "a")])
def test_all_other_orders_are_left_to_whoever_decides(order: Order) -> None:
    assert under(order) is PLAN


def test_pin_is_followed_while_nobody_decides() -> None:
    plan = under(an_order(PIN, "c"), alone=True)
    assert plan.shares == {"a": 0.0, "b": 0.0, "c": 1.0}
    assert plan.sound == {"b": 0.0, "c": 1.0}


def test_drain_is_followed_while_nobody_decides() -> None:
    plan = under(an_order(DRAIN, "b"), alone=True)
    assert (plan.shares, plan.sound, plan.drained) == ({"a": 0.02, "b": 0.0, "c": 0.08}, {"c": 0.08}, ("b",))


def test_shares_of_the_settings_are_under_orders_too() -> None:
    plan = under(an_order(BAN, "a"), alone=True, plan=as_configured({"a": 60.0, "b": 40.0}))
    assert plan.shares == plan.sound == {"b": 40.0}


kinds: Any = st.sampled_from([PIN, BAN, DRAIN, PROBE])


@given(st.lists(st.tuples(kinds, st.sampled_from("abcz")), max_size=6), st.booleans())
def test_whatever_is_ordered_a_provider_is_left(given_orders: list[tuple[OrderKind, str]], alone: bool) -> None:  # noqa: FBT001 - by Hypothesis
    plan = under(*(an_order(kind, name) for kind, name in given_orders), alone=alone)
    assert plan.sound
    assert plan.sound.keys() | set(plan.drained) <= plan.shares.keys()

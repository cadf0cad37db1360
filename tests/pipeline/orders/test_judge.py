"""Which orders are accepted, which are refused and why, and which ones they take the place of."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.orders import Accepted, Refused, Situation, Wanted, after, withdrawn
from pipeline.records import Order, OrderKind, RouteState, decode, encode
from tests.pipeline.orders.situations import ORDER_ID, ROUTES, TABLES, an_order, judged, wanted
from tests.samples import NOW, a_route, a_table

PIN, BAN, DRAIN, HOLD, PROBE, RESUME = OrderKind
PARTITION = {"country": "*", "partition": "otp.requests/0"}


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        (wanted(PIN, "a", reason=""), "reason", "say why"),
        (wanted(PIN, "a", reason="  x "), "reason", "3 to 200 characters"),
        (wanted(PIN, "a", reason="x" * 201), "reason", "3 to 200 characters"),
        (wanted(PIN, "a", reason="two\nlines"), "reason", "one plain line"),
        (wanted(PIN, "a", reason="\x1b[31m red"), "reason", "one plain line"),
        (wanted(PIN, "a", reason="asked by +44 7700 900123"), "reason", "leave that out"),
        (wanted(PIN, "a", reason="asked by 07700 900123"), "reason", "leave that out"),
        (wanted(PIN, "a", expires_at=NOW), "expires_at", "in the past"),
        (wanted(PIN, "a", expires_at=NOW + timedelta(days=7, seconds=1)), "expires_at", "at most 7 days"),
        (wanted(PROBE, "a", expires_at=NOW + timedelta(minutes=16)), "expires_at", "at most 15 minutes"),
        (wanted(PIN, "a", country="gb"), "country", "did you mean GB?"),
        (wanted(PIN, "a", country="Britain"), "country", "there are: *, GB, US"),
        (wanted(PIN, None), "provider", "is missing; there are: a, b"),
        (wanted(PIN, "z"), "provider", "has no route in the settings; there are: a, b, c"),
        (wanted(PIN, "c"), "provider", "has no route in GB; there are: a, b"),
        (wanted(HOLD, "a"), "provider", "is of no use here"),
        (wanted(PIN, "a", partition="otp.requests/0"), "partition", "is of no use here"),
        (wanted(RESUME, country="*"), "partition", "write otp.requests/0"),
        (wanted(RESUME, country="*", partition="otp.requests"), "partition", "write otp.requests/0"),
        (wanted(RESUME, country="*", partition="otp.requests/-1"), "partition", "write otp.requests/0"),
        (wanted(RESUME, country="*", partition="otp.request/0"), "partition", "did you mean otp.requests?"),
        (wanted(RESUME, country="*", partition="otp.requests/8"), "partition", "has 0 to 7"),
        (wanted(RESUME, partition="otp.requests/0"), "country", "is of no use here"),
    ],
)
def test_wrong_field_is_named_with_what_to_do(asked: Wanted, field: str, words: str) -> None:
    verdict = judged(asked, partitions={"otp.requests": 8})
    assert isinstance(verdict, Refused)
    assert verdict.field == field
    assert words in verdict.text
    assert not verdict.forcible


def test_unknown_provider_that_is_nearly_right_is_guessed() -> None:
    verdict = judged(wanted(PIN, "carrier-z"), routes={"GB": {"carrier-a": 100.0}}, tables={})
    assert verdict == Refused(field="provider", text="has no route in the settings; did you mean carrier-a?")


@pytest.mark.parametrize(
    "asked",
    [
        wanted(PIN, "a"),
        wanted(BAN, "a"),
        wanted(HOLD),
        wanted(PROBE, "b"),
        wanted(DRAIN, "a"),
        wanted(RESUME, **PARTITION),
    ],
)
def test_good_order_is_accepted_as_it_was_asked_for(asked: Wanted) -> None:
    verdict = judged(asked)
    assert isinstance(verdict, Accepted)
    order = verdict.order
    assert (order.order_id, order.kind, order.provider, order.country) == (
        ORDER_ID,
        asked.kind,
        asked.provider,
        asked.country,
    )
    assert (order.at, order.expires_at, order.forced) == (NOW, asked.expires_at, False)
    assert decode(Order, encode(order)) == order


@pytest.mark.parametrize(
    "reason", ["ticket INC0012345", "see CHG-20260102", "since 2026-01-02 12:00", "error 30007 at 99.9 %"]
)
def test_reason_may_hold_tickets_dates_and_error_codes(reason: str) -> None:
    assert isinstance(judged(wanted(HOLD, reason=reason)), Accepted)


ALL_BUT_A_BROKEN = {"GB": a_table(a_route("a", 0.9), a_route("b", 0.1, RouteState.BROKEN, normal=0.0))}
FADING = {"GB": a_table(a_route("a", 0.9), a_route("b", 0.1, RouteState.SUSPECT, normal=0.1))}


@pytest.mark.parametrize(
    ("asked", "orders", "tables", "words"),
    [
        (wanted(BAN, "a"), [an_order(BAN, "b")], TABLES, "is the only one left in GB"),
        (wanted(BAN, "a"), [an_order(BAN, "b", country="*")], TABLES, "is the only one left in GB"),
        (wanted(BAN, "a", country="*"), [an_order(BAN, "b")], TABLES, "is the only one left in GB"),
        (wanted(BAN, "a"), [], ALL_BUT_A_BROKEN, "is the only one in GB that is not known to be broken"),
        (wanted(BAN, "a"), [], FADING, "is the only one in GB that is not known to be broken"),
        (wanted(PIN, "a", country="US"), [], TABLES, "is known to be broken in US (9 of 10 receipts due"),
        (wanted(PIN, "a", country="*"), [], TABLES, "is known to be broken in US"),
    ],
)
def test_order_that_leaves_no_provider_that_works_needs_force(
    asked: Wanted, orders: list[Order], tables: Any, words: str
) -> None:
    verdict = judged(asked, *orders, tables=tables)
    assert isinstance(verdict, Refused)
    assert (verdict.field, verdict.forcible) == ("provider", True)
    assert words in verdict.text
    forced = judged(replace(asked, force=True), *orders, tables=tables)
    assert isinstance(forced, Accepted)
    assert forced.order.forced


def test_force_that_was_not_needed_is_not_written_down() -> None:
    verdict = judged(wanted(BAN, "a", force=True))
    assert isinstance(verdict, Accepted)
    assert not verdict.order.forced


def test_force_does_not_mend_a_wrong_field() -> None:
    assert isinstance(judged(wanted(PIN, "z", force=True)), Refused)


def test_order_that_is_over_counts_no_more() -> None:
    assert isinstance(judged(wanted(BAN, "a"), an_order(BAN, "b", expires_at=NOW)), Accepted)


OLD = "order-in-force-001"


@pytest.mark.parametrize(
    ("asked", "old", "replaced"),
    [
        (wanted(PIN, "a"), an_order(PIN, "a"), True),  # another end
        (wanted(PIN, "a"), an_order(PIN, "b"), True),
        (wanted(PIN, "a"), an_order(PIN, "b", country="*"), False),  # goes before it here
        (wanted(PIN, "b", country="*"), an_order(PIN, "a"), False),
        (wanted(PIN, "a"), an_order(DRAIN, "a"), True),
        (wanted(PIN, "a"), an_order(DRAIN, "b"), False),
        (wanted(DRAIN, "a"), an_order(PIN, "a"), True),
        (wanted(DRAIN, "a"), an_order(PIN, "b"), False),
        (wanted(DRAIN, "a"), an_order(PROBE, "a"), False),
        (wanted(BAN, "a"), an_order(BAN, "a"), True),
        (wanted(BAN, "a"), an_order(PIN, "a"), True),
        (wanted(BAN, "a"), an_order(DRAIN, "a"), True),
        (wanted(BAN, "a"), an_order(PROBE, "a"), True),
        (wanted(BAN, "a", country="*"), an_order(PIN, "a"), True),
        (wanted(BAN, "a"), an_order(PIN, "a", country="*"), False),  # which holds elsewhere
        (wanted(BAN, "a"), an_order(HOLD), False),
        (wanted(HOLD), an_order(HOLD), True),
        (wanted(HOLD), an_order(HOLD, country="*"), False),
        (wanted(PROBE, "a"), an_order(PROBE, "b"), False),
        (wanted(RESUME, **PARTITION), an_order(RESUME, **PARTITION), True),
        (wanted(RESUME, **PARTITION), an_order(RESUME, country="*", partition="otp.requests/1"), False),
        (wanted(RESUME, **PARTITION), an_order(HOLD, country="*"), False),
    ],
)
def test_newer_order_takes_the_place_of_one_that_it_repeats_or_contradicts(
    asked: Wanted, old: Order, *, replaced: bool
) -> None:
    verdict = judged(asked, old)
    assert isinstance(verdict, Accepted)
    assert verdict.replaces == ((OLD,) if replaced else ())
    assert after(verdict, [old]) == ([] if replaced else [old]) + [verdict.order]


@pytest.mark.parametrize(
    ("asked", "old", "word"),
    [
        (wanted(PIN, "a"), an_order(BAN, "a"), "banned in GB by maria"),
        (wanted(PIN, "a"), an_order(BAN, "a", country="*"), "banned in all countries by maria"),
        (wanted(PROBE, "a"), an_order(BAN, "a"), "banned in GB"),
        (wanted(DRAIN, "a"), an_order(BAN, "a"), "banned in GB"),
        (wanted(DRAIN, "a"), an_order(PIN, "a", country="*"), "pinned in all countries"),
    ],
)
def test_order_that_another_one_leaves_without_effect_is_refused(asked: Wanted, old: Order, word: str) -> None:
    verdict = judged(asked, old)
    assert isinstance(verdict, Refused)
    assert f"is {word}" in verdict.text
    assert f"withdraw that order first: {OLD}" in verdict.text
    assert not verdict.forcible


def test_drain_with_nobody_to_take_over_is_accepted_with_a_word() -> None:
    verdict = judged(wanted(DRAIN, "a"), tables=ALL_BUT_A_BROKEN)
    assert isinstance(verdict, Accepted)
    assert verdict.notes == ("no other provider works in GB: the drain waits there until one does",)


def test_only_an_order_in_force_can_be_withdrawn() -> None:
    order, over = an_order(HOLD), an_order(HOLD, order_id="order-that-is-over", expires_at=NOW)
    assert withdrawn(OLD, [order, over], NOW) == order
    for name in ("order-that-is-over", "order-in-force-002", ""):
        refused = withdrawn(name, [order, over], NOW)
        assert isinstance(refused, Refused)
        assert refused.field == "order_id"
    assert "did you mean order-in-force-001?" in str(withdrawn("order-in-force-002", [order], NOW))


def test_country_without_a_table_is_judged_by_the_settings() -> None:
    situation = Situation(routes={"GB": ROUTES["GB"]})
    assert isinstance(judged(wanted(PIN, "a"), tables=situation.tables), Accepted)


def test_pin_of_all_countries_tells_which_ones_stay_pinned_to_another() -> None:
    verdict = judged(wanted(PIN, "b", country="*"), an_order(PIN, "a"))
    assert isinstance(verdict, Accepted)
    assert verdict.notes == (f"GB stays pinned to a, by order {OLD}",)

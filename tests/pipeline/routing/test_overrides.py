"""What operators order, and the router that follows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.records import Mode, Order, OrderKind, Route, RouteState
from pipeline.routing import Router
from pipeline.routing.overrides import Overrides, in_force, of_country, overrides
from pipeline.routing.steer import PROBED
from tests.pipeline.routing.worlds import SILENT, T0, WELL, Behaviour, World, broken

FAULT = 120
START = datetime.fromtimestamp(T0, UTC)


def order(kind: OrderKind, provider: str | None = None, *, lasts_s: int = 3600, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "country": "*",
        "at": START,
        "reason": "a test",
        "author": "ops",
        "order_id": "order-0000000000001",
    }
    fields["expires_at"] = START + timedelta(seconds=lasts_s)
    return Order(kind=kind, provider=provider, **(fields | changes))


def route(world: World, provider: str) -> Route:
    return next(one for one in world.router.tables["GB"].routes if one.provider == provider)


def ordered(world: World, *orders: Order, for_s: int = 3) -> World:
    world.router.order(orders)
    return world.run(world.second + for_s)


def test_a_pin_gives_everything_to_one_provider() -> None:
    world = ordered(World().run(60), order(OrderKind.PIN, "c"))
    assert (world.router.tables["GB"].mode, world.split()["c"]) == (Mode.PINNED, 1)


def test_when_a_pin_is_withdrawn_automation_is_back_where_it_was() -> None:
    world = World().run(60)
    before = world.leader()
    ordered(world, order(OrderKind.PIN, "c"), for_s=30)
    ordered(world, for_s=2)
    assert (world.router.tables["GB"].mode, world.leader()) == (Mode.AUTOMATIC, before)


def test_a_pin_goes_on_under_another_decider_and_its_leader_does_not_stay_after_it() -> None:
    world = ordered(World().run(60), order(OrderKind.PIN, "c"))
    router = Router({"GB": world.shares})
    for second in range(world.second):
        router.absorb(world.evidence, T0 + second)
    router.follow(world.router.tables["GB"])
    world.router = router
    assert ordered(world, order(OrderKind.PIN, "c")).leader() == "c"
    assert ordered(world).leader() == "a"


def test_an_order_of_another_country_or_time_changes_nothing() -> None:
    late = order(OrderKind.PIN, "b", lasts_s=0)
    world = ordered(World(), order(OrderKind.PIN, "c", country="US"), late, for_s=10)
    assert world.leader() == "a"


def test_a_pin_of_this_country_goes_before_one_of_all_and_the_newer_before_the_older() -> None:
    later = START + timedelta(seconds=1)
    everywhere, here = order(OrderKind.PIN, "b", at=later), order(OrderKind.PIN, "c", country="GB")
    assert ordered(World().run(5), everywhere, here).leader() == "c"
    assert ordered(World().run(5), here, order(OrderKind.PIN, "b", country="GB", at=later)).leader() == "b"


def test_a_banned_provider_gets_nothing() -> None:
    world = ordered(World(), order(OrderKind.BAN, "a"), for_s=10)
    assert (world.split()["a"], route(world, "a").state) == (0, RouteState.BANNED)


def test_a_ban_goes_before_a_pin() -> None:
    world = ordered(World().run(60), order(OrderKind.PIN, "a"), order(OrderKind.BAN, "a"))
    assert (world.split()["a"], world.router.tables["GB"].mode) == (0, Mode.AUTOMATIC)


def test_a_ban_of_all_providers_is_not_followed_because_nothing_usable_would_be_left() -> None:
    world = ordered(World(), *(order(OrderKind.BAN, name) for name in "abc"), for_s=10)
    assert world.leader() == "a"


def test_a_banned_provider_that_broke_meanwhile_is_not_led_by_when_the_ban_ends() -> None:
    world = World(behaves=broken("a", FAULT)).run(FAULT + 20)
    ordered(world, order(OrderKind.BAN, "a"), for_s=10)
    assert ordered(world, for_s=2).leader() != "a"


def test_a_drained_provider_gets_nothing_while_another_one_works() -> None:
    world = ordered(World().run(60), order(OrderKind.DRAIN, "a"))
    assert (world.split()["a"], route(world, "a").state) == (0, RouteState.DRAINED)


def test_a_drained_provider_takes_over_when_all_others_are_broken() -> None:
    world = World(behaves=lambda name, _, second: SILENT if name != "a" and second >= FAULT else WELL, entered=True)
    ordered(world.run(FAULT), order(OrderKind.DRAIN, "a"), for_s=60)
    assert world.leader() == "a"
    assert route(world, "a").state is not RouteState.DRAINED


def test_a_hold_keeps_the_shares_whatever_happens() -> None:
    world = World(behaves=broken("a", FAULT)).run(60)
    before = world.split()
    ordered(world, order(OrderKind.HOLD), for_s=FAULT)
    assert (world.split(), world.router.tables["GB"].mode) == (before, Mode.HELD)


def test_when_a_hold_is_withdrawn_the_broken_provider_is_left() -> None:
    world = World(behaves=broken("a", FAULT)).run(60)
    ordered(world, order(OrderKind.HOLD), for_s=FAULT)
    assert ordered(world).leader() != "a"


def test_a_ban_under_a_hold_moves_that_share_alone_and_gives_it_back() -> None:
    hold = order(OrderKind.HOLD)
    world = ordered(World().run(60), hold)
    before = world.split()
    ordered(world, hold, order(OrderKind.BAN, "b"))
    assert world.split() == pytest.approx({"a": before["a"] + before["b"], "b": 0, "c": before["c"]}, abs=1e-3)
    assert ordered(world, hold).split() == before


def test_a_probe_gives_a_broken_provider_a_small_share_until_it_is_over() -> None:
    world = World(behaves=broken("a", FAULT), rates={"GB": 50}).run(FAULT + 60)
    before = world.split()["a"]
    assert before < PROBED
    ends = world.second + 20
    ordered(world, order(OrderKind.PROBE, "a", lasts_s=ends), for_s=10)
    assert world.split()["a"] == pytest.approx(PROBED)
    assert route(world, "a").state is RouteState.BROKEN
    assert sum(world.split().values()) == pytest.approx(1, abs=0.001)
    assert world.run(ends + 3).split()["a"] == pytest.approx(before, abs=0.01)


def test_a_probe_that_finds_its_provider_well_brings_it_back_sooner_than_no_probe() -> None:
    def back(*orders: Order) -> int:
        world = World(behaves=broken("a", FAULT, until=FAULT + 60), rates={"GB": 20}).run(FAULT + 60)
        world.router.order(orders)
        while route(world, "a").state is RouteState.BROKEN:
            world.run(world.second + 1)
        return world.second

    assert back(order(OrderKind.PROBE, "a")) < back()


def test_a_probe_is_given_no_more_than_its_provider_carries() -> None:
    world = World(behaves=broken("b", 0, Behaviour(refused=1.0)), rates={"GB": 50})
    world.router = Router({"GB": world.shares}, {"b": 1})
    ordered(world.run(60), order(OrderKind.PROBE, "b"), for_s=5)
    assert world.split()["b"] <= 1 / 50 + 0.005


def test_every_order_is_told_at_once_and_its_end_too() -> None:
    world = World().run(60)
    told = len(world.history)
    ordered(world, order(OrderKind.PROBE, "c", lasts_s=61), for_s=1)
    assert len(world.history) == told + 1
    assert len(world.run(62).history) == told + 2


def test_an_order_about_a_partition_concerns_no_country() -> None:
    resume = order(OrderKind.RESUME, partition="otp.requests/0")
    assert of_country([resume], "GB") == []


def test_only_orders_that_are_not_over_are_in_force_oldest_first() -> None:
    old, new = order(OrderKind.HOLD), order(OrderKind.HOLD, at=START + timedelta(seconds=1))
    over = order(OrderKind.HOLD, lasts_s=5)
    assert in_force([new, over, old], START + timedelta(seconds=5)) == [old, new]


@pytest.mark.parametrize(
    ("orders", "broken_ones", "expected"),
    [
        ([], "", Overrides()),
        ([order(OrderKind.BAN, "a")], "", Overrides(banned=frozenset("a"))),
        ([order(OrderKind.BAN, "stranger")], "", Overrides()),
        ([order(OrderKind.BAN, name) for name in "ab"], "", Overrides()),
        ([order(OrderKind.DRAIN, "a")], "", Overrides(drained=frozenset("a"))),
        ([order(OrderKind.DRAIN, "a")], "b", Overrides()),
        ([order(OrderKind.DRAIN, name) for name in "ab"], "", Overrides()),
        ([order(OrderKind.BAN, "b"), order(OrderKind.DRAIN, "a")], "", Overrides(banned=frozenset("b"))),
        ([order(OrderKind.PIN, "a"), order(OrderKind.DRAIN, "a")], "", Overrides(pinned="a")),
        ([order(OrderKind.PROBE, "a"), order(OrderKind.BAN, "a")], "", Overrides(banned=frozenset("a"))),
        ([order(OrderKind.HOLD)], "", Overrides(held=True)),
    ],
)
def test_orders_come_to_this_for_two_providers(orders: list[Order], broken_ones: str, expected: Overrides) -> None:
    assert overrides(orders, "GB", ["a", "b"], list(broken_ones)) == expected

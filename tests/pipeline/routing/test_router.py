"""The router as a whole, in small worlds without luck."""

import pytest

from pipeline.evidence.routes import Evidence
from pipeline.records import Mode, Route, RouteState
from pipeline.routing import Router
from tests.pipeline.routing.worlds import SILENT, T0, WELL, Behaves, Behaviour, World, broken

FAULT = 120


def route(world: World, provider: str, country: str = "GB") -> Route:
    return next(one for one in world.router.tables[country].routes if one.provider == provider)


def test_almost_everything_goes_to_the_provider_with_the_largest_configured_share_at_first() -> None:
    world = World().run(1)
    assert world.leader() == "a"
    assert world.split()["a"] > 0.85


def test_nothing_moves_by_more_than_five_points_while_all_is_well() -> None:
    world = World(entered=True).run(400)
    assert {table.mode for table in world.history} == {Mode.AUTOMATIC}
    assert {max(table.routes, key=lambda one: one.share).provider for table in world.history} == {"a"}
    assert all(one.share > 0.85 for table in world.history for one in table.routes if one.leader)


def test_a_leader_that_delivers_nothing_is_left_within_seven_seconds() -> None:
    world = World(behaves=broken("a", FAULT)).run(FAULT + 30)
    after = world.when("a", 0.2, after=FAULT)
    assert after is not None
    assert after <= 7
    assert route(world, "a").state is RouteState.BROKEN


def test_the_reason_names_route_receipts_and_moves() -> None:
    world = World(behaves=broken("a", FAULT)).run(FAULT + 30)
    told = " ".join(table.why for table in world.history)
    assert "a in GB is broken: " in told
    assert "receipts due in the last 8 s arrived, usual" in told
    assert "% stays with a" in told


def test_a_brown_out_moves_traffic_too() -> None:
    world = World(behaves=broken("a", FAULT, Behaviour(delivered=0.5))).run(FAULT + 60)
    assert world.leader() != "a"


def test_only_the_country_in_which_it_fails_is_left() -> None:
    rates = {"GB": 10, "US": 10}
    world = World(behaves=broken("a", FAULT, where="GB"), rates=rates).run(FAULT + 60)
    assert (world.leader("GB") != "a", world.leader("US")) == (True, "a")


def test_a_fault_everywhere_is_seen_sooner_from_several_countries() -> None:
    alone = World(behaves=broken("a", FAULT), rates={"GB": 2}).run(FAULT + 60)
    world = World(behaves=broken("a", FAULT), rates={"GB": 2, "US": 2, "FR": 2, "DE": 2, "ES": 2}).run(FAULT + 60)
    together, single = world.when("a", 0.2, after=FAULT), alone.when("a", 0.2, after=FAULT)
    assert together is not None
    assert single is not None
    assert together < single


def test_faked_receipts_are_given_away_by_people_who_enter_no_codes() -> None:
    world = World(behaves=broken("a", FAULT, Behaviour(delivered=0.0, faked=True)), entered=True).run(FAULT + 60)
    assert world.leader() != "a"
    assert route(world, "a").state is RouteState.BROKEN


def test_refused_hand_overs_move_traffic() -> None:
    world = World(behaves=broken("a", FAULT, Behaviour(refused=1.0))).run(FAULT + 15)
    after = world.when("a", 0.2, after=FAULT)
    assert after is not None
    assert after <= 3


@pytest.mark.parametrize("entered", [True, False])
def test_a_leader_that_rejects_everybody_by_receipt_is_left_within_five_seconds(*, entered: bool) -> None:
    world = World(behaves=broken("a", FAULT, Behaviour(rejected=1.0)), entered=entered).run(FAULT + 40)
    after = world.when("a", 0.2, after=FAULT)
    assert after is not None
    assert after <= 5
    assert route(world, "a").state is RouteState.BROKEN


@pytest.mark.parametrize("rate", [4, 20])
def test_a_provider_that_rejects_the_few_probes_it_gets_does_not_return(rate: int) -> None:
    world = World(behaves=broken("a", FAULT, Behaviour(rejected=1.0)), rates={"GB": rate}).run(FAULT + 300)
    later = [table for table in world.history if table.decided_at.timestamp() - T0 > FAULT + 30]
    known = [route(world, "a"), *(one for table in later for one in table.routes if one.provider == "a")]
    assert max(one.share for one in known) < 0.1
    assert RouteState.NORMAL not in {one.state for one in known}


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_numbers_that_every_provider_rejects_move_nothing_for_long(share: float) -> None:
    world = World(behaves=all_at_once(FAULT, Behaviour(rejected=share)), entered=True).run(FAULT + 240)
    settled = [table for table in world.history if table.decided_at.timestamp() - T0 > FAULT + 60]
    assert [table.why for table in settled if any(one.state is RouteState.BROKEN for one in table.routes)] == []
    assert {route(world, provider).state for provider in "abc"} == {RouteState.NORMAL}


def all_at_once(since: int, how: Behaviour) -> Behaves:
    return lambda _provider, _country, second: how if second >= since else WELL


def test_when_all_providers_fail_together_nothing_is_moved_any_more() -> None:
    world = World(behaves=all_at_once(FAULT, SILENT), entered=True).run(FAULT + 30)
    frozen = world.split()
    world.run(FAULT + 90)
    assert world.router.tables["GB"].mode is Mode.ALL_BAD
    assert world.split() == frozen


def test_receipts_that_stop_everywhere_blame_nobody_while_people_enter_their_codes() -> None:
    world = World(behaves=all_at_once(FAULT, Behaviour(reported=0.0)), entered=True).run(FAULT + 120)
    assert [one.provider for one in world.router.tables["GB"].routes if one.state is RouteState.BROKEN] == []


def test_entries_that_stop_everywhere_blame_nobody_while_receipts_come() -> None:
    world = World(entered=True).run(FAULT)
    world.entered = False
    world.run(FAULT + 120)
    assert [one.provider for one in world.router.tables["GB"].routes if one.state is RouteState.BROKEN] == []


def test_a_provider_that_never_sent_a_receipt_is_not_judged_by_their_absence() -> None:
    world = World(behaves=broken("a", 0, Behaviour(reported=0.0))).run(FAULT)
    assert world.leader() == "a"
    assert route(world, "a").silence_s is None


def test_a_broken_provider_comes_back_after_a_wait_that_doubles_with_each_fault() -> None:
    def flapping(provider: str, _country: str, second: int) -> Behaviour:
        return SILENT if provider == "b" and second >= FAULT and (second // 90) % 2 else WELL

    world = World(behaves=flapping, shares={"b": 60, "a": 40}).run(900)
    waits = []
    for before, after in zip(world.history, world.history[1:], strict=False):
        was, now = ({one.provider: one for one in table.routes}["b"] for table in (before, after))
        if was.state is RouteState.BROKEN and now.state is RouteState.RETURNING:
            assert now.returns_at is not None
            waits.append((now.returns_at - after.decided_at).total_seconds())
    assert len(waits) >= 2
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(15)
    assert waits[1] > 1.5 * waits[0]


@pytest.mark.parametrize("off_s", [-120, 120])
def test_a_sender_whose_clock_is_two_minutes_off_breaks_no_provider(off_s: int) -> None:
    world = World(off_s=off_s, entered=True).run(300)
    states = {one.state for table in world.history for one in table.routes}
    assert not states & {RouteState.BROKEN, RouteState.SUSPECT}
    assert world.leader() == "a"


def test_a_spare_gets_traffic_only_when_the_others_are_broken() -> None:
    def behaves(provider: str, _country: str, second: int) -> Behaviour:
        return SILENT if provider == "a" and second >= FAULT else WELL

    world = World(behaves=behaves, shares={"a": 100, "spare": 0}).run(FAULT)
    assert world.split()["spare"] == 0
    assert world.run(FAULT + 20).leader() == "spare"


def test_a_provider_is_given_no_more_than_it_carries() -> None:
    world = World(behaves=broken("a", FAULT))
    world.router = Router({"GB": world.shares}, {"b": 8})
    world.run(FAULT + 60)
    assert world.split()["b"] <= 0.45
    assert world.split()["c"] > 0.5


def test_a_country_without_a_provider_gets_no_table() -> None:
    world = World()
    world.router = Router({"US": {"a": 100}})
    world.run(10)
    assert "GB" not in world.router.tables


def test_a_country_of_the_settings_has_a_table_before_its_first_message() -> None:
    router = Router({"GB": {"a": 60, "b": 40}, "*": {"a": 100}})
    (table,) = router.decide(Evidence(), T0)
    assert (table.country, table.revision) == ("GB", 1)


def test_shares_of_every_table_are_a_whole() -> None:
    world = World(behaves=broken("a", FAULT, until=FAULT + 60)).run(FAULT + 300)
    assert all(sum(one.share for one in table.routes) == pytest.approx(1, abs=0.001) for table in world.history)


def test_what_was_absorbed_is_believed_as_if_it_had_been_decided_on() -> None:
    world = World(behaves=broken("a", FAULT)).run(FAULT + 40)
    router = Router({"GB": world.shares})
    for second in range(FAULT + 40):
        router.absorb(world.evidence, T0 + second)
    (table,) = router.decide(world.evidence, T0 + FAULT + 40)
    assert max(table.routes, key=lambda one: one.share).provider != "a"


def test_another_decider_goes_on_from_the_tables_without_a_move() -> None:
    world = World(behaves=broken("a", FAULT, until=FAULT + 60), entered=True).run(FAULT + 240)
    assert world.leader() == "b"
    world.router, before = Router({"GB": world.shares}), world.router
    for second in range(world.second - 1):
        world.router.absorb(world.evidence, T0 + second)
    world.router.follow(before.tables["GB"])
    assert world.run(FAULT + 300).leader() == "b"
    assert world.router.tables["GB"].revision >= before.tables["GB"].revision
    assert route(world, "a").faults == pytest.approx(0.9, abs=0.1)


def test_a_table_of_a_country_without_a_provider_is_not_followed() -> None:
    router = Router({"US": {"a": 100}})
    router.follow(World().run(1).router.tables["GB"])
    assert router.tables == {}

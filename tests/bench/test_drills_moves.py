"""Route tables as they came -> detected, drained, moved wrongly, returned."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.drills.moves import Moves, Outage, Seen, Shares, histories, leader, mean_shares, moves
from pipeline.records import Mode, Route, RouteState, RouteTable

AT = datetime(2026, 1, 1, tzinfo=UTC)
CONFIGURED: dict[str, Shares] = {"GB": {"a": 0.5, "b": 0.3, "c": 0.2}, "US": {"a": 0.5, "b": 0.3, "c": 0.2}}
LED: Shares = {"a": 0.94, "b": 0.03, "c": 0.03}
LEFT: Shares = {"a": 0.02, "b": 0.95, "c": 0.03}
OUTAGE = Outage(carriers=frozenset({"a"}), countries=frozenset({"GB", "US"}), onset_at=100.0, until=400.0)
IN_GB = replace(OUTAGE, countries=frozenset({"GB"}))


def table(country: str, shares: Shares, lead: str | None = None) -> RouteTable:
    routes = tuple(
        Route(
            provider=name,
            share=share,
            state=RouteState.NORMAL,
            leader=name == lead,
            normal=1.0,
            usual=0.95,
            due=0.0,
            seen=0,
            window_s=0,
        )
        for name, share in shares.items()
    )
    return RouteTable(
        country=country,
        revision=1,
        decided_at=AT,
        changed_at=AT,
        mode=Mode.AUTOMATIC,
        why="because",
        routes=routes,
    )


def seen(at: float, country: str, shares: Shares) -> Seen:
    return Seen(came_at=at, appended_at=at - 0.01, table=table(country, shares))


def judge(*tables: Seen, outage: Outage = OUTAGE) -> Moves:
    return moves(histories(tables, CONFIGURED, outage.until), outage)


def both(at: float, shares: Shares) -> tuple[Seen, Seen]:
    return seen(at, "GB", shares), seen(at, "US", shares)


def test_detected_is_the_first_country_and_drained_the_last() -> None:
    found = judge(*both(50.0, LED), seen(104.0, "US", LEFT), seen(106.5, "GB", LEFT))

    assert (found.detected_s, found.drained_s) == (4.0, 6.5)


def test_half_of_its_share_is_detected_and_not_yet_drained() -> None:
    found = judge(*both(50.0, LED), *both(103.0, {"a": 0.46, "b": 0.5, "c": 0.04}), *both(105.0, LEFT))

    assert (found.detected_s, found.drained_s) == (3.0, 5.0)


def test_what_never_moves_is_never_detected() -> None:
    found = judge(*both(50.0, LED), *both(120.0, LED))

    assert (found.detected_s, found.drained_s, found.moves) == (None, None, 0)


def test_one_country_that_keeps_its_traffic_there_is_not_drained() -> None:
    assert judge(*both(50.0, LED), seen(104.0, "GB", LEFT)).drained_s is None


def test_tables_after_the_time_observed_are_not_judged() -> None:
    assert judge(*both(50.0, LED), *both(400.1, LEFT)).detected_s is None


def test_country_in_which_it_had_little_traffic_is_not_waited_for() -> None:
    found = judge(seen(50.0, "GB", LED), seen(50.0, "US", {"a": 0.03, "b": 0.94, "c": 0.03}), seen(104.0, "GB", LEFT))

    assert found.drained_s == 4.0


def test_before_any_table_came_the_settings_hold() -> None:
    assert judge(*both(104.0, {"a": 0.24, "b": 0.5, "c": 0.26})).detected_s == 4.0


def test_traffic_that_leaves_the_broken_carrier_is_not_moved_wrongly() -> None:
    assert judge(*both(50.0, LED), *both(104.0, LEFT)).moved_wrongly == 0


def test_traffic_that_leaves_a_carrier_that_works_is_moved_wrongly_by_so_many_points() -> None:
    found = judge(*both(50.0, LED), *both(104.0, LEFT), seen(110.0, "GB", {"a": 0.02, "b": 0.03, "c": 0.95}))

    assert found.moved_wrongly == pytest.approx(92.0)


def test_move_in_a_country_without_the_fault_is_wrong() -> None:
    assert judge(*both(50.0, LED), *both(104.0, LEFT), outage=IN_GB).moved_wrongly == pytest.approx(92.0)


def test_small_moves_and_those_before_the_onset_are_nobody_s_business() -> None:
    found = judge(*both(50.0, LED), *both(99.0, LEFT), *both(110.0, {"a": 0.02, "b": 0.905, "c": 0.075}))

    assert (found.moved_wrongly, found.moves) == (0, 0)


def test_moves_later_are_those_more_than_30_s_after_the_onset() -> None:
    found = judge(*both(50.0, LED), *both(104.0, LEFT), seen(131.0, "GB", LED))

    assert (found.moves, found.moves_later) == (3, 1)


def test_returns_are_counted_with_the_wait_before_each() -> None:
    found = judge(
        *both(50.0, LED),
        seen(105.0, "GB", LEFT),
        seen(150.0, "GB", LED),
        seen(170.0, "GB", LEFT),
        seen(260.0, "GB", LED),
        seen(106.0, "US", LEFT),
        seen(180.0, "US", LED),
    )

    assert (found.returns, found.waits_s, found.waits_grow) == (2, (45.0, 90.0), True)


def test_wait_that_is_no_longer_than_the_one_before_does_not_grow() -> None:
    tables = [seen(at, "GB", LEFT if turn % 2 else LED) for turn, at in enumerate((50, 110, 150, 160, 200))]

    found = judge(*tables)

    assert (found.waits_s, found.waits_grow) == ((40.0, 40.0), False)


def test_staged_return_is_one_return() -> None:
    stages: list[Shares] = [
        {"a": 0.1, "b": 0.87, "c": 0.03},
        {"a": 0.3, "b": 0.67, "c": 0.03},
        {"a": 0.6, "b": 0.37, "c": 0.03},
    ]

    found = judge(*both(50.0, LED), *both(104.0, LEFT), *(seen(150.0 + at, "GB", one) for at, one in enumerate(stages)))

    assert (found.returns, found.waits_s) == (1, (47.0,))


def test_nothing_broken_means_nothing_detected_drained_or_returned() -> None:
    calm = replace(OUTAGE, carriers=frozenset())

    found = judge(*both(50.0, LED), *both(104.0, LEFT), outage=calm)

    assert (found.detected_s, found.drained_s, found.returns, found.waits_grow) == (None, None, 0, True)
    assert found.moves == 2


@given(st.lists(st.sampled_from([LED, LEFT, CONFIGURED["GB"]]), max_size=8))
def test_repeated_tables_change_nothing(shares: list[Shares]) -> None:
    once = [one for turn, each in enumerate(shares) for one in both(101.0 + turn, each)]
    twice = [copy for one in once for copy in (one, replace(one, came_at=one.came_at + 0.5))]

    assert judge(*once) == judge(*twice)


@pytest.mark.parametrize(
    ("tables", "led"),
    [
        ({}, "a"),
        ({"GB": table("GB", LEFT, lead="b"), "US": table("US", LEFT, lead="b")}, "b"),
        ({"GB": table("GB", LEFT, lead="b")}, "b"),
        ({"GB": table("GB", {"a": 0.5, "b": 0.5}, lead="b"), "US": table("US", {"a": 0.5, "b": 0.5}, lead="b")}, "b"),
    ],
    ids=["no table yet", "both countries", "one country, the other by its settings", "equal shares"],
)
def test_leader_has_the_most_traffic_of_all_countries(tables: dict[str, RouteTable], led: str) -> None:
    assert leader(tables, CONFIGURED) == led


def test_shares_of_all_countries_are_their_mean() -> None:
    history = histories([seen(50.0, "GB", LED)], CONFIGURED, until=400.0)

    assert mean_shares(history, 60.0) == pytest.approx({"a": 0.72, "b": 0.165, "c": 0.115})

"""Shares, breakers, what was tried -> the provider of this attempt."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.choice import choose, eligible, point_of
from pipeline.dispatch.following import RoutePlan, as_configured
from pipeline.settings.countries import shares_for

SHARES = {"a": 50.0, "b": 30.0, "c": 20.0, "spare": 0.0}
# a is broken and gets probes, b leads, c is explored, the spare is in no table.
TABLE = {"a": 0.02, "b": 0.95, "c": 0.03, "spare": 0.0}
PLAN = RoutePlan(shares=TABLE, sound={name: share for name, share in TABLE.items() if name != "a"})
ALL_BROKEN = RoutePlan(shares=TABLE, sound=TABLE)


@pytest.mark.parametrize(
    ("without", "point", "chosen"),
    [
        ((), 0.0, "a"),
        ((), 0.499, "a"),
        ((), 0.5, "b"),
        ((), 0.799, "b"),
        ((), 0.8, "c"),
        ((), 0.999999, "c"),
        (("a",), 0.0, "b"),  # b and c share 60 to 40
        (("a",), 0.59, "b"),
        (("a",), 0.61, "c"),
        (("a", "b", "c"), 0.3, "spare"),  # a spare is taken when nothing else is left
        (("a", "b", "c", "spare"), 0.3, None),
    ],
)
def test_point_falls_into_a_share(without: tuple[str, ...], point: float, chosen: str | None) -> None:
    assert choose(SHARES, without, point) == chosen


def test_requests_spread_by_the_shares() -> None:
    counts = Counter(choose(SHARES, (), point_of(f"request-{number:012}", 1)) for number in range(20_000))

    assert counts["spare"] == 0
    for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.2)):
        assert abs(counts[name] / 20_000 - share) < 0.02


def test_point_of_an_attempt_is_the_same_at_every_redelivery() -> None:
    assert point_of("request-0123456789", 2) == point_of("request-0123456789", 2)
    assert point_of("request-0123456789", 2) != point_of("request-0123456789", 1)


def test_country_without_shares_of_its_own_has_those_of_everywhere() -> None:
    routes = {"GB": {"a": 100.0}, "*": {"b": 100.0}}

    assert shares_for(routes, "GB") == {"a": 100.0}
    assert shares_for(routes, "DE") == {"b": 100.0}
    assert shares_for({}, "DE") == {}


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.floats(min_value=0, max_value=100), max_size=6),
    st.sets(st.text(min_size=1, max_size=3)),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_what_is_left_out_is_never_chosen(shares: dict[str, float], without: set[str], point: float) -> None:
    chosen = choose(shares, without, point)

    assert (chosen is None) == (not set(shares) - without)
    assert chosen not in without


def test_first_attempt_has_all_providers_and_only_sound_ones_take_what_another_has_no_place_for() -> None:
    found = eligible(PLAN, shut=(), tried=(), again=True)

    assert found.shares == TABLE
    assert list(found.instead) == ["b", "c", "spare"]


@pytest.mark.parametrize(
    ("shut", "tried", "again", "left"),
    [
        ("b", "", True, ["c", "spare"]),  # a probe's share is no reason to give the broken one what is left
        ("bc", "", True, ["spare"]),
        (["b", "c", "spare"], "", True, ["a"]),
        ("", "a", False, ["b", "c", "spare"]),
        ("", "b", False, ["c", "spare"]),
        (["spare"], "bc", False, []),  # later once more through a sound one, and not now through the broken one
        (["spare"], "bc", True, ["b"]),
        (["spare", "c"], "b", True, ["b"]),
        (["spare", "b", "c"], "a", True, ["a"]),
        (["spare", "b", "c"], "a", False, []),
        (["a", "b", "c", "spare"], "a", True, []),
    ],
)
def test_broken_route_is_left_for_the_end(shut: list[str], tried: str, again: bool, left: list[str]) -> None:  # noqa: FBT001 - a table's column
    assert list(eligible(PLAN, shut, tuple(tried), again=again).shares) == left


@pytest.mark.parametrize(
    ("shut", "tried", "left"),
    [
        ([], "a", ["b", "c", "spare"]),
        (["spare"], "bca", ["b", "c"]),
        (["b", "c", "spare"], "a", []),
    ],
)
def test_rescue_goes_through_no_broken_route(shut: list[str], tried: str, left: list[str]) -> None:
    assert list(eligible(PLAN, shut, tuple(tried), again=True, strict=True).shares) == left


def test_when_every_route_is_broken_all_are_used() -> None:
    assert list(eligible(ALL_BROKEN, (), ("b",), again=False).shares) == ["a", "c", "spare"]


def test_shares_of_the_settings_are_used_as_they_are() -> None:
    found = eligible(as_configured(SHARES), (), (), again=True)

    assert (found.shares, found.instead) == (SHARES, SHARES)


@given(
    st.sets(st.sampled_from([*TABLE])),
    st.lists(st.sampled_from([*TABLE]), max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_nothing_that_is_shut_is_open(shut: set[str], tried: list[str], again: bool, strict: bool) -> None:  # noqa: FBT001 - generated
    found = eligible(PLAN, shut, tried, again=again, strict=strict)

    assert not shut & found.shares.keys()
    assert found.instead.keys() <= found.shares.keys()
    assert again or not set(tried) & found.shares.keys()
    assert not strict or not tried or "a" not in found.shares


DRAINED = RoutePlan(shares={"a": 0.02, "b": 0.95, "c": 0.03, "d": 0.0}, sound={"b": 0.95, "c": 0.03}, drained=("d",))


@pytest.mark.parametrize(
    ("shut", "tried", "again", "left"),
    [
        ("b", "", True, ["c"]),
        ("bc", "", True, ["d"]),  # rather than through the broken one
        ("", "bc", False, ["d"]),  # rather than once more through one that has failed
        ("c", "b", False, ["d"]),
        ("", "bcd", True, ["b", "c"]),
        ("bcd", "", True, ["a"]),
    ],
)
def test_drained_route_is_for_what_no_sound_one_takes(shut: str, tried: str, again: bool, left: list[str]) -> None:  # noqa: FBT001 - a table's column
    assert list(eligible(DRAINED, shut, tuple(tried), again=again).shares) == left


def test_drained_route_takes_nothing_that_another_has_no_place_for() -> None:
    assert list(eligible(DRAINED, (), (), again=True).instead) == ["b", "c"]

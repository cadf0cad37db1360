"""Shares, breakers, what was tried -> the provider of this attempt."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.choice import choose, point_of, shares_for

SHARES = {"a": 50.0, "b": 30.0, "c": 20.0, "spare": 0.0}


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

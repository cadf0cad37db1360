"""How long receipts take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence.delays import LONGEST_S, Delays, come_by, quantile_s, usual_arrivals

EVEN = [1 / (LONGEST_S + 1)] * (LONGEST_S + 1)


def test_the_guess_is_a_whole_with_half_of_it_after_seven_seconds() -> None:
    come = come_by(usual_arrivals())
    assert come[-1] == pytest.approx(1)
    assert come[6] < 0.5 < come[7]


def test_nothing_known_leaves_the_guess() -> None:
    assert Delays().arrivals(EVEN) == pytest.approx(EVEN)


def test_what_is_known_outweighs_the_guess() -> None:
    delays = Delays()
    delays.note(3.7, 2000, now=60)
    assert delays.arrivals(EVEN)[3] > 0.98


def test_what_takes_longer_than_the_longest_counts_as_that_long() -> None:
    delays = Delays()
    delays.note(5000, 1000, now=60)
    assert delays.arrivals(EVEN)[LONGEST_S] > 0.9


def test_a_tenth_is_forgotten_each_minute() -> None:
    kept, forgetful = Delays(), Delays()
    for delays in (kept, forgetful):
        delays.note(3, 100, now=60)
    forgetful.forget(now=120)
    assert forgetful.arrivals(EVEN)[3] == pytest.approx((90 + 20 * EVEN[3]) / 110)
    assert kept.arrivals(EVEN)[3] == pytest.approx((100 + 20 * EVEN[3]) / 120)


def test_a_quantile_is_the_second_by_which_so_many_have_come() -> None:
    assert quantile_s([0.0, 0.5, 0.4, 0.1], 0.9) == 3
    assert quantile_s([0.0, 0.5, 0.4, 0.1], 0.91) == 4


@given(st.lists(st.tuples(st.floats(0, 300), st.integers(1, 50), st.integers(60, 6000)), max_size=20))
def test_arrivals_are_shares_of_one_whole(noted: list[tuple[float, int, int]]) -> None:
    delays = Delays()
    for delay_s, count, now in sorted(noted, key=lambda one: one[2]):
        delays.note(delay_s, count, now)
    arrivals = delays.arrivals(usual_arrivals())
    assert sum(arrivals) == pytest.approx(1)
    assert min(arrivals) >= 0


def test_what_is_known_of_several_routes_adds_up() -> None:
    one, other = Delays(), Delays()
    one.note(3.0, 30, now=60)
    other.note(5.0, 10, now=60)
    pooled = Delays.pooled([one, other]).arrivals(EVEN, 0.0)
    assert (pooled[3], pooled[5]) == (0.75, 0.25)

"""Circuit breaker: closed, open, half-open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.breaker import CLOSED, FAILURES, LONGEST_WAIT_S, PROBE_S, Breaker


def _failed(breaker: Breaker, times: int, now: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker = breaker.failure(now)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    assert _failed(CLOSED, FAILURES - 1).allows(0.0)
    assert not _failed(CLOSED, FAILURES).allows(0.0)


def test_success_in_between_starts_the_count_anew() -> None:
    breaker = _failed(_failed(CLOSED, FAILURES - 1).success(), FAILURES - 1)

    assert breaker.allows(0.0)


def test_failure_that_says_so_opens_it_at_once() -> None:
    assert not CLOSED.failure(0.0, opens=True).allows(0.0)


def test_wait_that_the_provider_asked_for_is_kept_once_it_is_open() -> None:
    breaker = _failed(CLOSED, FAILURES - 1).failure(0.0, hold_s=7.0)

    assert not breaker.allows(6.9)
    assert breaker.allows(7.0)


@pytest.mark.parametrize("hold_s", [0.0, 1.0, 60.0, 86_400.0])
def test_one_wish_to_be_left_alone_shuts_nobody_out(hold_s: float) -> None:
    assert CLOSED.failure(0.0, hold_s=hold_s).allows(0.0)


def test_wait_of_a_day_ends_after_the_longest_wait() -> None:
    breaker = _failed(CLOSED, FAILURES - 1).failure(0.0, hold_s=86_400.0)

    assert breaker.allows(LONGEST_WAIT_S)


def test_half_open_lets_one_probe_through() -> None:
    breaker = CLOSED.failure(0.0, opens=True)
    assert breaker.allows(1.0)

    probing = breaker.starting(1.0)

    assert not probing.allows(1.0)
    assert probing.allows(1.0 + PROBE_S)


def test_failed_probe_doubles_the_wait() -> None:
    breaker = CLOSED.failure(0.0, opens=True).starting(1.0).failure(1.0)

    assert not breaker.allows(2.9)
    assert breaker.allows(3.0)


def test_successful_probe_closes_it() -> None:
    assert CLOSED.failure(0.0, opens=True).starting(1.0).success() == CLOSED


def test_late_failures_of_earlier_sends_do_not_prolong_the_wait() -> None:
    breaker = _failed(CLOSED, FAILURES)

    assert _failed(breaker, 100, now=0.5).open_until == breaker.open_until


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=60))
def test_wait_is_bounded_whatever_fails(gaps: list[float]) -> None:
    breaker, now = CLOSED, 0.0
    for gap in gaps:
        now += gap
        breaker = breaker.failure(now, opens=True)

    assert breaker.allows(now + LONGEST_WAIT_S)

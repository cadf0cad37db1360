"""What one provider may be given."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dispatch.limits import BUDGET_START, SecondSendBudget, SendLimit, rescue_limit


def test_permits_are_bounded_and_come_back() -> None:
    limit = SendLimit(2, None)

    assert [limit.acquire(0.0) for _ in range(3)] == [True, True, False]
    limit.release()
    assert limit.acquire(0.0)


def test_rate_is_bounded_over_a_second() -> None:
    limit = SendLimit(1000, 10.0)

    assert sum(limit.acquire(100.0) for _ in range(50)) == 10
    assert sum(limit.acquire(100.5) for _ in range(50)) == 5


def test_rate_below_one_a_second_still_lets_messages_through() -> None:
    limit = SendLimit(10, 0.5)

    assert limit.acquire(100.0)
    assert not limit.acquire(101.0)
    assert limit.acquire(102.0)


def test_refusal_for_want_of_a_permit_costs_no_token() -> None:
    limit = SendLimit(1, 1.0)
    assert limit.acquire(100.0)

    assert not limit.acquire(101.0)
    limit.release()

    assert limit.acquire(101.0)


def test_permit_that_was_not_used_counts_in_no_rate() -> None:
    limit = SendLimit(10, 1.0)
    assert limit.acquire(100.0)

    limit.release(unused=True)

    assert limit.acquire(100.0)


def test_wait_is_told_to_the_next_token_and_unknown_while_a_permit_is_missing() -> None:
    limit = SendLimit(2, 0.5)
    assert limit.wait_s(100.0) == 0.0

    assert limit.acquire(100.0)
    assert limit.wait_s(100.0) == 2.0
    assert limit.wait_s(101.0) == 1.0
    assert limit.acquire(102.0)

    assert limit.wait_s(200.0) is None


@given(st.lists(st.floats(min_value=0, max_value=0.5), min_size=1, max_size=200))
def test_no_stretch_of_time_sees_more_than_rate_and_burst(gaps: list[float]) -> None:
    limit, now, taken = SendLimit(10_000, 5.0), 50.0, 0
    for gap in gaps:
        now += gap
        taken += limit.acquire(now)

    assert taken <= 5.0 * (now - 50.0) + 5.0 + 1e-6


@given(st.lists(st.booleans(), max_size=500))
def test_second_sends_stay_within_their_share(events: list[bool]) -> None:
    budget, sends, second = SecondSendBudget(0.1), 0, 0
    for is_send in events:
        if is_send:
            budget.earn()
            sends += 1
        else:
            second += budget.spend()

    assert second <= BUDGET_START + 0.1 * sends + 1e-6


def test_rescues_take_their_share_of_the_permits_of_whoever_takes_over() -> None:
    limit = rescue_limit(200, None, 0.5)

    assert sum(limit.acquire(0.0) for _ in range(300)) == 100
    limit.release()
    assert limit.acquire(0.0)


def test_rescues_take_their_share_of_a_rate_where_there_is_one() -> None:
    limit = rescue_limit(200, 20.0, 0.5)

    assert sum(limit.acquire(100.0) for _ in range(50)) == 10
    assert sum(limit.acquire(101.0) for _ in range(50)) == 10


def test_one_rescue_at_a_time_is_always_possible() -> None:
    limit = rescue_limit(1, None, 0.01)

    assert [limit.acquire(0.0) for _ in range(2)] == [True, False]

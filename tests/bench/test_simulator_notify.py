"""GOV.UK Notify's published rules, as they are replayed for comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.simulator.notify import NotifyRules

START = 6000  # a whole number of minutes
EQUAL = {"a": 50, "b": 50}


def after(rules: NotifyRules, start: int, seconds: int) -> dict[str, float]:
    for second in range(start, start + seconds):
        rules.tick(second)
    return rules.points


def rules_with(slow: int, quick: int, *, sent_at: int = START) -> NotifyRules:
    """Give rules that know of so many messages of `a` without a receipt, and so many with one; all of `b` are well."""
    rules = NotifyRules(["a", "b"])
    for provider in ("a", "b"):
        rules.accepted(provider, sent_at, slow + quick)
        rules.delivered(provider, sent_at, sent_at + 7, quick if provider == "a" else slow + quick)
    return rules


def test_10_points_go_when_15_percent_are_5_minutes_late() -> None:
    assert after(rules_with(15, 85), START, 301) == {"a": 40, "b": 60}


@pytest.mark.parametrize(("slow", "quick", "seconds"), [(14, 86, 301), (100, 0, 299)])
def test_nothing_moves_before(slow: int, quick: int, seconds: int) -> None:
    assert after(rules_with(slow, quick), START, seconds) == EQUAL


def test_receipt_that_came_late_counts_as_slow() -> None:
    rules = rules_with(50, 50)
    rules.delivered("a", START, START + 300, 50)
    assert after(rules, START + 300, 1) == {"a": 40, "b": 60}


def test_messages_reported_as_failed_do_not_count() -> None:
    rules = rules_with(100, 100)
    rules.failed("a", START, 100)
    assert after(rules, START, 600) == EQUAL


def test_nothing_moves_when_all_are_slow() -> None:
    rules = NotifyRules(["a", "b"])
    for provider in ("a", "b"):
        rules.accepted(provider, START, 100)
    assert after(rules, START, 600) == EQUAL


def test_next_step_comes_5_minutes_later() -> None:
    rules = rules_with(100, 0)
    assert after(rules, START, 600) == {"a": 40, "b": 60}
    assert after(rules, START + 600, 1) == {"a": 30, "b": 70}


def test_more_than_50_errors_within_a_minute_cost_10_points_once_a_minute() -> None:
    rules = NotifyRules(["a", "b"])
    rules.refused("a", START, 50)
    assert rules.points == EQUAL
    rules.refused("a", START + 59)
    assert rules.points == {"a": 40, "b": 60}
    rules.refused("a", START + 70, 60)
    assert rules.points == {"a": 40, "b": 60}
    rules.refused("a", START + 119, 60)
    assert rules.points == {"a": 30, "b": 70}


def test_points_come_back_when_nothing_has_moved_for_15_minutes() -> None:
    rules = NotifyRules(["a", "b"])
    rules.refused("a", START, 51)
    assert after(rules, START + 1, 899) == {"a": 40, "b": 60}
    assert after(rules, START + 900, 1) == EQUAL


def test_what_one_of_three_loses_the_others_share() -> None:
    rules = NotifyRules(["a", "b", "c"])
    rules.refused("a", START, 51)
    assert rules.points == pytest.approx({"a": 100 / 3 - 10, "b": 100 / 3 + 5, "c": 100 / 3 + 5})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 100)), max_size=60))
def test_points_stay_shares_of_100(errors: list[tuple[str, int]]) -> None:
    rules = NotifyRules(["a", "b", "c"])
    for step, (provider, count) in enumerate(errors):
        rules.refused(provider, START + 61 * step, count)
        rules.tick(START + 61 * step)
        assert sum(rules.points.values()) == pytest.approx(100)
        assert all(-1e-9 <= points <= 100 + 1e-9 for points in rules.points.values())

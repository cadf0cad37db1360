"""How long the oldest unfinished record of a topic has waited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consuming.queue_age import QueueAge, left


def test_finished_queue_has_no_age() -> None:
    queue = QueueAge()

    assert [queue.observe(at, 10 * at, 10 * at) for at in range(5)] == [0.0] * 5


def test_age_is_counted_from_when_the_oldest_unfinished_record_was_first_seen() -> None:
    queue = QueueAge()

    ages = [
        queue.observe(at, end, committed)
        for at, end, committed in [(0, 10, 10), (5, 30, 10), (10, 50, 20), (15, 60, 30)]
    ]

    assert ages == [0.0, 0.0, 5.0, 5.0]


def test_queue_that_nobody_works_off_ages_with_the_clock() -> None:
    queue = QueueAge()
    queue.observe(0, 10, 0)

    assert queue.observe(100, 10, 0) == 100.0


def test_topic_that_was_made_anew_starts_anew() -> None:
    queue = QueueAge()
    queue.observe(0, 1000, 900)
    queue.observe(5, 1000, 1000)

    assert queue.observe(10, 3, 0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=50))
def test_age_is_never_longer_than_the_time_watched(steps: list[tuple[int, int]]) -> None:
    queue, end, committed = QueueAge(), 0, 0
    for now, (came, went) in enumerate(steps):
        end += came
        committed = min(committed + went, end)
        age = queue.observe(now, end, committed)
        assert 0 <= age <= now
        assert age == 0 or committed < end


@pytest.mark.parametrize(
    ("end", "start", "committed", "offsets"),
    [
        (10, 0, 4, 6),
        (10, 0, None, 10),  # a young group: all of it
        (10, 7, None, 3),
        (10, 10, 4, 0),  # the rest was deleted
        (10, 7, 4, 3),
        (3, 0, 10, 0),  # the topic was made anew
    ],
)
def test_what_is_left_to_finish_is_there_and_not_committed(
    end: int, start: int, committed: int | None, offsets: int
) -> None:
    assert left(end, start, committed) == offsets


def test_queue_that_shrinks_without_commits_was_made_anew() -> None:
    queue = QueueAge()
    queue.observe(0, 1000, 900)

    assert queue.observe(60, 3, 0) == 0.0

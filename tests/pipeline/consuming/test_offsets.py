import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consuming.offsets import MAX_METADATA, Commit, Offsets


def taken(offsets: Offsets, log: range) -> list[int]:
    return [offset for offset in log if offsets.take(offset)]


def committed(offsets: Offsets) -> Commit:
    commit = offsets.commit()
    assert commit is not None
    return commit


def test_nothing_is_committed_before_anything_is_known() -> None:
    assert Offsets().commit() is None


def test_position_is_the_first_unfinished_offset() -> None:
    offsets = Offsets()
    taken(offsets, range(10, 15))
    for finished in (11, 10, 14):
        offsets.finish(finished)

    assert offsets.position == 12
    assert offsets.unfinished == 2


def test_when_all_is_finished_the_map_is_empty() -> None:
    offsets = Offsets()
    taken(offsets, range(3))
    for finished in (2, 0, 1):
        offsets.finish(finished)

    assert offsets.commit() == Commit(position=3)


def test_after_a_restart_only_the_unfinished_come_again() -> None:
    offsets = Offsets(Commit(position=5))
    taken(offsets, range(5, 12))
    for finished in (6, 7, 9):
        offsets.finish(finished)

    again = Offsets(committed(offsets))

    assert taken(again, range(5, 14)) == [5, 8, 10, 11, 12, 13]


def test_offsets_that_never_came_count_as_finished() -> None:
    offsets = Offsets(Commit(position=0))
    for offset in (0, 3, 4):
        offsets.take(offset)
        offsets.finish(offset)

    assert offsets.commit() == Commit(position=5)


def test_unfinished_offsets_that_retention_removed_do_not_hold_the_position() -> None:
    offsets = Offsets()
    taken(offsets, range(10))
    for finished in (1, 5):
        offsets.finish(finished)
    again = Offsets(committed(offsets))

    assert again.take(7)
    again.finish(7)
    assert again.position == 8


def test_a_log_that_starts_anew_is_read_anew() -> None:
    offsets = Offsets(Commit(position=1000))

    assert taken(offsets, range(3)) == [0, 1, 2]
    assert offsets.position == 0


def test_what_an_older_task_finishes_is_not_taken_again() -> None:
    offsets = Offsets(Commit(position=5))
    offsets.finish(7)

    assert taken(offsets, range(5, 9)) == [5, 6, 8]


@pytest.mark.parametrize(
    "metadata",
    ["", "1", "1AAAA", "1AAAAAAAAAAAA", "2abcd", "no map", "1ä", "1" + "A" * 4095, "1====", "\N{SNOWMAN}"],
)
def test_a_foreign_metadata_string_says_nothing(metadata: str) -> None:
    offsets = Offsets(Commit(position=5, metadata=metadata))

    assert taken(offsets, range(5, 8)) == [5, 6, 7]


def test_the_map_of_another_position_says_nothing() -> None:
    offsets = Offsets()
    taken(offsets, range(10))
    offsets.finish(3)
    moved = Commit(position=1, metadata=committed(offsets).metadata)

    assert taken(Offsets(moved), range(1, 10)) == list(range(1, 10))


@given(order=st.permutations(range(40)), crash=st.integers(0, 40), start=st.integers(0, 2**40))
def test_any_order_any_crash_loses_nothing_and_repeats_nothing_known(order: list[int], crash: int, start: int) -> None:
    offsets = Offsets(Commit(position=start))
    taken(offsets, range(start, start + 40))
    finished = {start + index for index in order[:crash]}
    for offset in finished:
        offsets.finish(offset)

    unfinished = set(range(start, start + 40)) - finished
    assert offsets.position == min(unfinished, default=start + 40)
    assert set(taken(Offsets(committed(offsets)), range(committed(offsets).position, start + 40))) == unfinished


@given(
    rounds=st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(0, 60), max_size=30), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    )
)
def test_over_many_restarts_every_record_is_handled_until_it_is_finished(
    rounds: list[tuple[int, list[int], int]],
) -> None:
    commit, finished = Commit(position=0), set[int]()
    for more, completions, gap in rounds:
        offsets = Offsets(commit)
        log = [offset for offset in range(commit.position, commit.position + 60) if gap == 0 or offset % (gap + 1)]
        running = [offset for offset in log[:more] if offsets.take(offset)]
        assert not finished & set(running)
        for index in completions:
            if index < len(running):
                offsets.finish(running[index])
                finished.add(running[index])
        commit = committed(offsets)
        assert not [offset for offset in running if offset < commit.position and offset not in finished]


@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.booleans()), min_size=1, max_size=1500))
def test_what_fits_stays_within_the_brokers_limit(steps: list[tuple[int, bool]]) -> None:
    offsets, offset, running = Offsets(Commit(position=0)), 0, list[int]()
    for gap, finish in steps:
        offset += gap % (1 << (gap % 22))
        if offsets.fits(offset) and offsets.take(offset):
            running.append(offset)
        if finish and running:
            offsets.finish(running.pop(len(running) // 2))
        offset += 1

    assert len(committed(offsets).metadata) <= MAX_METADATA


def test_no_more_is_taken_when_the_map_would_not_fit() -> None:
    offsets, offset = Offsets(Commit(position=0)), 0
    while offsets.fits(offset):
        offsets.take(offset)
        if offset % 2:
            offsets.finish(offset)
        offset += 1

    assert offsets.unfinished > 1000
    assert len(committed(offsets).metadata) <= MAX_METADATA


def test_a_thousand_in_flight_fit() -> None:
    offsets = Offsets(Commit(position=0))
    for offset in range(0, 1000 * 20, 20):
        assert offsets.fits(offset)
        offsets.take(offset)

    assert len(committed(offsets).metadata) <= MAX_METADATA

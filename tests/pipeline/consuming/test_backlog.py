from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pipeline.consuming.backlog import Backlog, Partition
from pipeline.consuming.offsets import Commit

A, B = Partition("requests", 0), Partition("requests", 1)
LATER = Partition("later", 0)


@dataclass(frozen=True, slots=True)
class Item:
    offset: int
    timestamp_ms: int = 0
    nothing: bool = False


def backlog_of(*partitions: Partition, high: int = 10, low: int = 5) -> Backlog[Item]:
    backlog = Backlog[Item](high=high, low=low, delays_s={"later": 2.0})
    for partition in partitions:
        backlog.assign(partition, Commit(position=0))
    return backlog


def drained(backlog: Backlog[Item], now: float = 0.0) -> list[tuple[Partition, int]]:
    started = []
    while found := backlog.next(now):
        started.append((found[0].partition, found[1].offset))
    return started


def test_partitions_take_turns() -> None:
    backlog = backlog_of(A, B)
    backlog.put(A, [Item(0), Item(1), Item(2)])
    backlog.put(B, [Item(0), Item(1)])

    assert drained(backlog) == [(A, 0), (B, 0), (A, 1), (B, 1), (A, 2)]


def test_a_record_that_is_not_due_blocks_its_own_partition_only() -> None:
    backlog = backlog_of(A, LATER)
    backlog.put(LATER, [Item(0, timestamp_ms=1000), Item(1, timestamp_ms=1500)])
    backlog.put(A, [Item(0)])

    assert drained(backlog, now=2.0) == [(A, 0)]
    assert backlog.wake_at() == 3.0


def test_a_waiting_record_starts_when_it_is_due() -> None:
    backlog = backlog_of(LATER)
    backlog.put(LATER, [Item(0, timestamp_ms=1000), Item(1, timestamp_ms=1500)])
    drained(backlog, now=2.0)
    backlog.wake()

    assert drained(backlog, now=3.0) == [(LATER, 0)]
    assert backlog.wake_at() == 3.5


def test_finished_records_are_skipped() -> None:
    backlog = backlog_of(A)
    backlog.shares[A].offsets.finish(1)
    backlog.put(A, [Item(0), Item(1), Item(2)])

    assert drained(backlog) == [(A, 0), (A, 2)]


def test_a_partition_is_full_at_the_high_mark_and_relieved_at_the_low_one() -> None:
    backlog = backlog_of(A, high=10, low=5)
    assert not backlog.put(A, map(Item, range(9)))
    assert backlog.put(A, [Item(9)])
    assert not backlog.put(A, [Item(10)]), "it is told once"

    for _ in range(5):
        backlog.next(0.0)
    assert backlog.relieved == []
    backlog.next(0.0)
    assert backlog.relieved == [A]


def test_nothing_of_a_held_partition_is_started_until_its_release() -> None:
    backlog = backlog_of(A)
    backlog.hold(A)
    backlog.put(A, [Item(0)])
    assert drained(backlog) == []

    backlog.release(A)
    assert drained(backlog) == [(A, 0)]


def test_nothing_of_a_partition_that_is_given_up_is_started() -> None:
    backlog = backlog_of(A, LATER)
    backlog.put(A, [Item(0)])
    backlog.put(LATER, [Item(0, timestamp_ms=1000)])
    drained(backlog, now=0.0)
    backlog.leave([A, LATER])
    backlog.put(A, [Item(1)])
    backlog.wake()
    assert drained(backlog, now=9.0) == []

    backlog.forget([A, LATER])
    assert backlog.wake_at() is None


def test_when_the_map_is_full_the_partition_waits_until_a_record_is_finished() -> None:
    backlog = backlog_of(A, high=100_000)
    backlog.put(A, map(Item, range(100_000)))
    started = 0
    while found := backlog.next(0.0):
        started += 1
        if started % 2:
            found[0].offsets.finish(found[1].offset)
    assert 2000 < started < 100_000

    share = backlog.shares[A]
    share.offsets.finish(1)
    backlog.stir(share)
    assert backlog.next(0.0) is not None


@given(st.lists(st.tuples(st.sampled_from([A, B, LATER]), st.integers(1, 20)), max_size=10))
def test_whatever_is_put_comes_out_once_and_in_order(puts: list[tuple[Partition, int]]) -> None:
    backlog = backlog_of(A, B, LATER)
    counts = dict.fromkeys((A, B, LATER), 0)
    started = []
    for partition, count in puts:
        backlog.put(partition, map(Item, range(counts[partition], counts[partition] + count)))
        counts[partition] += count
        started += drained(backlog, now=0.0)
    backlog.wake()
    started += drained(backlog, now=2.0)

    for partition, count in counts.items():
        assert [offset for where, offset in started if where == partition] == list(range(count))


def test_place_without_a_record_is_finished_as_soon_as_its_turn_comes_even_where_records_wait_until_due() -> None:
    backlog = backlog_of(A, LATER)
    backlog.put(A, [Item(0), Item(3, nothing=True)])
    backlog.put(LATER, [Item(4, timestamp_ms=1000, nothing=True)])

    assert drained(backlog) == [(A, 0)]
    backlog.shares[A].offsets.finish(0)

    assert backlog.shares[A].offsets.commit() == Commit(position=4)
    assert backlog.shares[LATER].offsets.commit() == Commit(position=5)

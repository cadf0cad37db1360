"""Counts of one partition: the same numbers whoever counts them, and however often."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.evidence.reading import Change
from pipeline.evidence.routes import Evidence
from pipeline.evidence.tallying import KEPT_S, MOST_CELLS, PartitionCounts
from pipeline.records import MAX_RECORD_BYTES, Counts, Tally, encode

SOURCE = ("otp.attempts", 3)
T0 = 1_800_000_000
ACCEPTED = Counts.__struct_fields__.index("accepted")


def change(second: int = 0, provider: str = "carrier-a", config: str = "config") -> Change:
    return Change((T0 + second, provider, "GB", config), (ACCEPTED,))


def begun(position: int = 0) -> PartitionCounts:
    counts = PartitionCounts(SOURCE)
    counts.begin(position)
    return counts


def told(tallies: list[Tally]) -> Counter[tuple[int, str]]:
    """Give the accepted messages by second and provider, as a reader of the topic knows them."""
    evidence = Evidence()
    for tally in tallies:
        evidence.take(tally)
    return Counter(
        {
            (second - T0, provider): bucket.accepted
            for (provider, _), route in evidence.routes.items()
            for second, buckets in route.seconds.items()
            for bucket in buckets.values()
        }
    )


def test_tally_holds_absolute_counts_of_what_has_changed() -> None:
    counts = begun()
    counts.count(0, T0, [change(0)])
    counts.count(1, T0 + 1, [change(1)])
    counts.tallies()
    counts.count(2, T0 + 2, [change(0)])

    (tally,) = counts.tallies()

    assert [(cell.second, cell.counts.accepted) for cell in tally.cells] == [(T0, 2)]
    assert (tally.topic, tally.partition, tally.position) == (*SOURCE, 3)


def test_record_beside_the_position_is_not_counted() -> None:
    for offset in (4, 6):
        with pytest.raises(ValueError, match=f"offset {offset} at position 5"):
            begun(5).count(offset, T0, [])


def test_nothing_is_told_before_the_beginning_is_known() -> None:
    assert PartitionCounts(SOURCE).tallies() == []


def test_tally_without_cells_says_that_nothing_more_has_come() -> None:
    counts = begun(7)
    counts.complete_until(T0 + 0.5)

    (tally,) = counts.tallies()

    assert (tally.position, tally.as_of, tally.cells) == (7, datetime.fromtimestamp(T0 + 0.5, UTC), ())


def test_as_of_never_goes_back() -> None:
    counts = begun()
    counts.complete_until(T0 + 9)
    counts.count(0, T0, [change()])
    assert counts.as_of == T0 + 9


def test_as_of_is_before_the_last_record_whose_millisecond_may_not_be_over() -> None:
    counts = begun()
    counts.count(0, T0, [change()])
    assert counts.as_of == pytest.approx(T0 - 0.001)


def test_many_cells_are_told_in_several_tallies_each_right_at_its_own_position() -> None:
    counts = begun()
    for offset in range(2 * MOST_CELLS + 10):
        counts.count(offset, T0, [change(offset % 600, config=str(offset))])

    tallies = counts.tallies()

    assert [tally.position for tally in tallies] == [MOST_CELLS, 2 * MOST_CELLS, 2 * MOST_CELLS + 10]
    assert [len(tally.cells) for tally in tallies] == [MOST_CELLS, MOST_CELLS, 10]


def test_tally_with_the_longest_names_stays_under_what_a_reader_takes() -> None:
    counts = begun()
    for offset in range(MOST_CELLS):
        counts.count(offset, T0, [Change((T0 + offset, "c" * 63, "GB", "v" * 64), tuple(range(10)))])
    assert max(len(encode(tally)) for tally in counts.tallies()) < MAX_RECORD_BYTES


def test_what_is_too_old_to_change_is_forgotten() -> None:
    counts = begun()
    counts.count(0, T0, [change(0)])
    counts.count(1, T0 + KEPT_S + 1, [change(KEPT_S + 1)])
    assert counts.cells == 1


def test_tally_of_another_counter_is_taken_over_when_it_knows_more() -> None:
    other, counts = begun(), begun()
    for offset in range(5):
        other.count(offset, T0, [change(offset)])
    counts.count(0, T0, [change(0)])

    for tally in other.tallies():
        counts.take(tally)

    assert counts.position == 5
    counts.count(5, T0, [change(4)])
    assert [(cell.second - T0, cell.counts.accepted) for cell in counts.tallies()[0].cells] == [(4, 2)]


def test_tally_of_another_counter_that_knows_less_changes_nothing() -> None:
    other, counts = begun(), begun()
    other.count(0, T0, [change(0)])
    for offset in range(3):
        counts.count(offset, T0, [change(0)])

    counts.take(other.tallies()[0])

    assert [cell.counts.accepted for cell in counts.tallies()[0].cells] == [3]


class Counters(RuleBasedStateMachine):
    """Several processes that count one partition, and each may freeze, wake up, die and begin anew at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Change] = []
        self.topic: list[Tally] = []
        self.counters = [begun() for _ in range(3)]
        self.read = [0, 0, 0]

    @rule(changes=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["carrier-a", "carrier-b"])), max_size=6))
    def append(self, changes: list[tuple[int, str]]) -> None:
        self.log += [change(second, provider) for second, provider in changes]

    @rule(which=st.integers(0, 2), most=st.integers(1, 5))
    def count(self, which: int, most: int) -> None:
        counts = self.counters[which]
        begin = counts.position or 0
        for offset in range(begin, min(begin + most, len(self.log))):
            counts.count(offset, T0, [self.log[offset]])

    @rule(which=st.integers(0, 2))
    def publish(self, which: int) -> None:
        self.topic += self.counters[which].tallies()

    @rule(which=st.integers(0, 2), most=st.integers(1, 5))
    def follow(self, which: int, most: int) -> None:
        for tally in self.topic[self.read[which] : self.read[which] + most]:
            self.counters[which].take(tally)
            self.read[which] += 1

    @rule(which=st.integers(0, 2))
    def die_and_begin_anew(self, which: int) -> None:
        self.counters[which] = PartitionCounts(SOURCE)
        for tally in self.topic:
            self.counters[which].take(tally)
        self.counters[which].begin(0)
        self.read[which] = len(self.topic)

    @invariant()
    def what_the_topic_tells_is_the_log_up_to_its_position(self) -> None:
        position = max((tally.position for tally in self.topic), default=0)
        expected = Counter((one.key[0] - T0, one.key[1]) for one in self.log[:position])
        assert told(self.topic) == expected


TestCounters = Counters.TestCase


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 40))
def test_counting_the_same_prefix_gives_the_same_numbers(seconds: list[int], cut: int) -> None:
    whole, resumed = begun(), begun()
    for offset, second in enumerate(seconds):
        whole.count(offset, T0, [change(second)])
        if offset < cut:
            resumed.count(offset, T0, [change(second)])
    first = resumed.tallies()
    anew = PartitionCounts(SOURCE)
    for tally in first:
        anew.take(tally)
    for offset in range(anew.position or 0, len(seconds)):
        anew.count(offset, T0, [change(seconds[offset])])
    assert told([*first, *anew.tallies()]) == told(whole.tallies())

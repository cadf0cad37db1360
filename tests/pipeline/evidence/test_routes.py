"""What is known of each route, merged from tallies."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence.routes import AHEAD_S, WINDOW_S, Evidence
from pipeline.records import Cell, Counts, Tally

T0 = 1_800_000_000


def cell(second: int = 0, *, config: str = "v1", **counts: int) -> Cell:
    return Cell(T0 + second, "carrier-a", "GB", config, Counts(**counts))


def tally(at: float, *cells: Cell, position: int = 1, topic: str = "otp.attempts", partition: int = 0) -> Tally:
    """Make a tally that knows all of this second and of those before."""
    as_of = datetime.fromtimestamp(T0 + at + 1.1, UTC)
    return Tally(topic=topic, partition=partition, position=position, as_of=as_of, cells=cells)


def test_counts_of_several_partitions_add_up() -> None:
    evidence = Evidence()
    evidence.take(tally(1, cell(accepted=3)))
    evidence.take(tally(1, cell(accepted=4), partition=1))
    evidence.take(tally(9, cell(delivered=5), topic="otp.receipts"))
    heard = evidence.route("carrier-a", "GB").heard(T0, T0)
    assert heard is not None
    assert (heard.sent, heard.delivered) == (7, 5)


def test_counts_are_absolute_so_a_later_tally_replaces_an_earlier_one() -> None:
    evidence = Evidence()
    evidence.take(tally(1, cell(accepted=3)))
    evidence.take(tally(2, cell(accepted=5), position=2))
    heard = evidence.route("carrier-a", "GB").heard(T0, T0)
    assert heard is not None
    assert heard.sent == 5


def test_a_tally_that_knows_less_changes_nothing() -> None:
    evidence = Evidence()
    evidence.take(tally(2, cell(accepted=5), position=9))
    evidence.take(tally(3, cell(accepted=3), position=8))
    heard = evidence.route("carrier-a", "GB").heard(T0, T0)
    assert heard is not None
    assert heard.sent == 5


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.data())
def test_tallies_in_any_order_and_number_give_the_same(steps: list[int], data: st.DataObject) -> None:
    """A restarted or frozen counter may tell the same again, later than another one has told more."""
    totals = [sum(steps[: place + 1]) for place in range(len(steps))]
    tallies = [tally(place, cell(accepted=total), position=total) for place, total in enumerate(totals)]
    told = [*data.draw(st.lists(st.sampled_from(tallies), max_size=12)), tallies[-1]]
    evidence = Evidence()
    for one in told:
        evidence.take(one)
    heard = evidence.route("carrier-a", "GB").heard(T0, T0)
    assert heard is not None
    assert heard.sent == totals[-1]


def test_nothing_is_known_as_of_any_time_before_every_source_has_told() -> None:
    evidence = Evidence([("otp.attempts", 0), ("otp.receipts", 0)])
    evidence.take(tally(5))
    assert evidence.as_of == 0
    evidence.take(tally(3, topic="otp.receipts"))
    assert evidence.as_of == T0 + 4.1


def test_a_second_is_complete_when_every_source_has_told_of_all_of_it() -> None:
    evidence = Evidence([("otp.attempts", 0), ("otp.receipts", 0)])
    evidence.take(tally(5))
    evidence.take(tally(3, topic="otp.receipts"))
    assert evidence.complete == T0 + 3


def test_what_is_too_old_or_from_the_future_is_not_counted() -> None:
    evidence = Evidence()
    evidence.take(tally(0, cell(-WINDOW_S - 1, accepted=1), cell(AHEAD_S + 2, accepted=1)))
    assert evidence.routes == {}


def test_what_is_older_than_the_window_is_forgotten() -> None:
    evidence = Evidence()
    evidence.take(tally(0, cell(accepted=1)))
    evidence.take(tally(WINDOW_S + 1, cell(WINDOW_S, accepted=1), position=2))
    assert list(evidence.route("carrier-a", "GB").seconds) == [T0 + WINDOW_S]


def test_rejected_messages_say_nothing_against_their_provider_until_they_are_weighed() -> None:
    evidence = Evidence()
    evidence.take(tally(0, cell(accepted=5, creditable=5, rejected=2)))
    heard = evidence.route("carrier-a", "GB").heard(T0, T0)
    assert heard is not None
    assert (heard.sent, heard.delivered, heard.failed, heard.creditable) == (3, 0, 0, 3)


def test_versions_of_the_configuration_are_kept_apart_and_summed_up() -> None:
    evidence = Evidence()
    evidence.take(tally(0, cell(accepted=5), cell(config="v2", accepted=2)))
    route = evidence.route("carrier-a", "GB")
    assert {config: bucket.accepted for config, bucket in route.seconds[T0].items()} == {"v1": 5, "v2": 2}
    heard = route.heard(T0, T0)
    assert heard is not None
    assert heard.sent == 7


def test_a_delay_is_learned_when_its_message_is_old_enough_for_late_receipts() -> None:
    evidence = Evidence()
    evidence.take(tally(4, cell(accepted=9, delivered=9)))
    receipts = evidence.route("carrier-a", "GB").receipts
    before = receipts.delays.arrivals([0.0] * 121)[4]
    receipts.settle(T0, T0 + 60)
    assert (before, receipts.heard) == (0, 9)
    assert receipts.delays.arrivals([0.0] * 121)[4] > 0

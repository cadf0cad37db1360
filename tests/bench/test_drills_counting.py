"""Journal rows -> what became of the codes in an outage."""

from dataclasses import replace

import pytest

from bench.drills.counting import Code, codes, count, onset
from bench.drills.moves import Outage
from pipeline.reports.figures import Arrived, Asked
from workers.embedded.callers_journal import Entered

ONSET = 100.0
OUTAGE = Outage(carriers=frozenset({"a"}), countries=frozenset({"GB", "US"}), onset_at=ONSET, until=400.0)
COUNTRY_OF = {"gb": "GB", "us": "US"}


def asked(request_id: str, at: float, number: str = "gb") -> Asked:
    return Asked(request_id=request_id, answer="accepted", answered_at=at, expires_at=at + 300, number_hmac=number)


def message(request_id: str, at: float, carrier: str, attempt: int = 1, *, well: bool = True) -> Arrived:
    return Arrived(
        request_id=request_id,
        attempt=attempt,
        at=at,
        code_hmac="c",
        number_hmac="gb",
        decision="delivered" if well else "dropped",
        carrier=carrier,
        delivered_at=at + 1 if well else None,
    )


def known(*messages: Arrived, at: float = 101.0, entered: tuple[Entered, ...] = ()) -> list[Code]:
    return codes([asked("one", at)], messages, entered, COUNTRY_OF)


def test_code_that_arrives_at_once_is_neither_swallowed_nor_undelivered() -> None:
    counted = count(known(message("one", 101.0, "b")), OUTAGE)

    assert (counted.requested, counted.swallowed, counted.rescued, counted.undelivered) == (1, 0, 0, 0)


def test_swallowed_code_that_comes_through_another_carrier_is_rescued() -> None:
    rescued = known(message("one", 101.0, "a", well=False), message("one", 111.0, "b", 2))

    counted = count(rescued, OUTAGE)

    assert (counted.requested, counted.swallowed, counted.rescued, counted.undelivered) == (1, 1, 1, 0)


def test_swallowed_code_that_never_comes_is_undelivered() -> None:
    counted = count(known(message("one", 101.0, "a", well=False)), OUTAGE)

    assert (counted.requested, counted.swallowed, counted.rescued, counted.undelivered) == (1, 1, 0, 1)


def test_message_that_comes_after_the_life_rescues_nothing() -> None:
    late = known(message("one", 101.0, "a", well=False), message("one", 400.5, "b", 2))

    counted = count(late, OUTAGE)

    assert (counted.rescued, counted.undelivered) == (0, 1)


def test_request_that_reached_no_carrier_is_undelivered_and_not_swallowed() -> None:
    counted = count(known(), OUTAGE)

    assert (counted.requested, counted.swallowed, counted.undelivered) == (1, 0, 1)


def test_entered_code_counts_as_delivered_whatever_the_carriers_say() -> None:
    entered = Entered(request_id="one", verified=True, at=120.0)

    assert count(known(message("one", 101.0, "a", well=False), entered=(entered,)), OUTAGE).undelivered == 0


@pytest.mark.parametrize(
    "entered",
    [
        Entered(request_id="one", verified=False, at=120.0),
        Entered(request_id="one", verified=None, at=120.0),
        Entered(request_id="one", verified=True, at=401.5),
    ],
    ids=["refused", "not answered", "too late"],
)
def test_code_that_was_not_found_right_in_time_counts_for_nothing(entered: Entered) -> None:
    assert count(known(message("one", 101.0, "a", well=False), entered=(entered,)), OUTAGE).undelivered == 1


def test_first_message_alone_tells_which_carrier_swallowed_a_code() -> None:
    other_way = known(message("one", 111.0, "a", 2, well=False), message("one", 101.0, "b", well=False))

    assert count(other_way, OUTAGE).swallowed == 0


def test_codes_from_before_the_onset_are_not_counted() -> None:
    before = known(message("one", 99.0, "a", well=False), at=99.5)

    counted = count(before, OUTAGE)

    assert (counted.requested, counted.swallowed, counted.undelivered) == (0, 0, 0)


def test_code_whose_message_was_quicker_than_its_answer_is_requested_when_it_was_sent() -> None:
    counted = count(known(message("one", ONSET, "a", well=False), at=ONSET + 0.01), OUTAGE)

    assert (counted.requested, counted.swallowed) == (1, 1)


def test_code_that_is_swallowed_is_requested_though_its_caller_was_answered_before() -> None:
    counted = count(known(message("one", ONSET, "a", well=False), at=ONSET - 0.01), OUTAGE)

    assert (counted.requested, counted.swallowed, counted.undelivered) == (1, 1, 1)


def test_what_was_not_accepted_is_no_code() -> None:
    rows = [replace(asked("one", 101.0), answer="unknown"), replace(asked("two", 101.0), answer="refused")]

    assert codes(rows, [], [], COUNTRY_OF) == []


def test_code_has_the_country_of_its_number() -> None:
    found = codes([asked("one", 101.0, "gb"), asked("two", 101.0, "us")], [], [], COUNTRY_OF)

    assert [code.country for code in found] == ["GB", "US"]


def test_onset_is_the_first_message_that_was_swallowed_after_the_order() -> None:
    rows = [
        message("one", 95.0, "a", well=False),  # by chance, before
        message("two", 98.0, "a"),
        message("three", 99.0, "b", well=False),
        message("four", 99.5, "a", well=False),
        message("five", 99.2, "a", well=False),
    ]

    assert onset(rows, frozenset({"a"}), ordered_at=97.0) == 99.2


def test_onset_is_the_order_itself_where_nothing_was_swallowed() -> None:
    assert onset([message("one", 98.0, "a")], frozenset({"a"}), ordered_at=97.0) == 97.0


def test_carriers_see_the_broken_one_drained_when_few_first_messages_go_there() -> None:
    every_100_ms = [100 + turn / 10 for turn in range(100)]
    rows = [asked(f"r{at}", at) for at in every_100_ms]
    to = {at: "a" if at < 104 or at == 106 else "b" for at in every_100_ms}
    messages = [message(f"r{at}", at, to[at], well=to[at] == "b") for at in every_100_ms]

    seen_s = count(codes(rows, messages, [], COUNTRY_OF), OUTAGE).drained_seen_s

    # Of the 10 messages until 104.8, one is the broken carrier's: the first second with less than two of ten.
    assert seen_s == pytest.approx(4.8)


def test_carriers_never_see_it_drained_while_all_goes_there() -> None:
    rows = [asked(f"r{turn}", 100 + turn / 10) for turn in range(100)]
    messages = [message(f"r{turn}", 100 + turn / 10, "a", well=False) for turn in range(100)]

    assert count(codes(rows, messages, [], COUNTRY_OF), OUTAGE).drained_seen_s is None


def test_where_nothing_is_broken_nothing_is_seen_drained() -> None:
    rows = [asked(f"r{turn}", 100 + turn / 10) for turn in range(100)]
    messages = [message(f"r{turn}", 100 + turn / 10, "a") for turn in range(100)]
    calm = replace(OUTAGE, carriers=frozenset())

    assert count(codes(rows, messages, [], COUNTRY_OF), calm).drained_seen_s is None


def test_first_code_elsewhere_is_the_next_message_of_the_first_swallowed_one() -> None:
    rows = [asked("one", 100.0), asked("two", 100.1)]
    messages = [
        message("two", 100.1, "a", well=False),
        message("two", 100.2, "b", 2),
        message("one", 100.0, "a", well=False),
        message("one", 100.3, "c", 2),
    ]

    assert count(codes(rows, messages, [], COUNTRY_OF), OUTAGE).elsewhere_s == pytest.approx(0.3)


def test_nothing_goes_elsewhere_where_nothing_was_swallowed() -> None:
    assert count(known(message("one", 101.0, "b")), OUTAGE).elsewhere_s is None

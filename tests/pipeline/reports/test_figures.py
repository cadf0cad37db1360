"""Journals and topics -> the figures of the promise."""

from dataclasses import replace

import pytest
from msgspec import structs

from pipeline.errors import DeadReason
from pipeline.records import DeadLetter, Origin
from pipeline.reports.figures import Arrived, Asked, Evidence, count, percentile
from tests.samples import ATTEMPT, NOW, REQUEST_ID

FAULTS = (
    *("lost", "phantom", "duplicates_excused", "duplicates_unexcused", "late"),
    *("mixed", "misrouted", "unterminated", "dead", "expired"),
)
ASKED = Asked(request_id=REQUEST_ID, answer="accepted", answered_at=100.0, expires_at=400.0, number_hmac="n")
ARRIVED = Arrived(
    request_id=REQUEST_ID,
    attempt=1,
    at=100.02,
    code_hmac="c",
    number_hmac="n",
    decision="delivered",
    carrier="carrier-a",
    delivered_at=100.8,
)
EXCUSED = structs.replace(ATTEMPT, excused=1)
WELL = Evidence(
    asked=(ASKED,),
    arrived=(ARRIVED,),
    verified=frozenset({REQUEST_ID}),
    attempts=(ATTEMPT,),
    receipts=(),
    verifications=(),
    dead=(),
)


def _letter(reason: DeadReason) -> DeadLetter:
    origin = Origin(topic="otp.requests", partition=0, offset=1)
    return DeadLetter(reason=reason, detail="", origin=origin, size=1, at=NOW, request_id=REQUEST_ID)


def test_request_that_arrived_once_counts_once_everywhere() -> None:
    figures = count(WELL)

    assert (figures.requested, figures.accepted, figures.handed_over, figures.delivered, figures.verified) == (1,) * 5
    assert figures.accept_to_handover_p50_ms == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (replace(WELL, arrived=()), "lost"),
        (replace(WELL, asked=()), "phantom"),
        (replace(WELL, arrived=(ARRIVED, ARRIVED)), "duplicates_unexcused"),
        (
            replace(WELL, arrived=(ARRIVED, ARRIVED), attempts=(structs.replace(ATTEMPT, excused=1),)),
            "duplicates_excused",
        ),
        (replace(WELL, arrived=(replace(ARRIVED, at=400.1),)), "late"),
        (replace(WELL, arrived=(ARRIVED, replace(ARRIVED, attempt=2, code_hmac="d"))), "mixed"),
        (replace(WELL, arrived=(replace(ARRIVED, number_hmac="m"),)), "misrouted"),
        (replace(WELL, attempts=()), "unterminated"),
        (replace(WELL, arrived=(), dead=(_letter(DeadReason.REJECTED),)), "dead"),
        (replace(WELL, arrived=(), dead=(_letter(DeadReason.EXPIRED),)), "expired"),
    ],
)
def test_each_fault_is_counted_as_itself_and_as_nothing_else(evidence: Evidence, name: str) -> None:
    figures = count(evidence)

    assert {fault: getattr(figures, fault) for fault in FAULTS} == {fault: int(fault == name) for fault in FAULTS}


def test_second_attempt_is_no_duplicate() -> None:
    figures = count(replace(WELL, arrived=(ARRIVED, replace(ARRIVED, attempt=2))))

    assert figures.duplicates_excused == figures.duplicates_unexcused == 0


def test_one_excuse_excuses_one_duplicate() -> None:
    excused = structs.replace(ATTEMPT, excused=1)

    figures = count(replace(WELL, arrived=(ARRIVED,) * 3, attempts=(excused,)))

    assert (figures.duplicates_excused, figures.duplicates_unexcused) == (1, 1)


def test_unknown_answer_may_have_been_taken() -> None:
    unknown = replace(ASKED, answer="unknown", request_id=None)

    figures = count(replace(WELL, asked=(unknown,)))

    assert (figures.accepted, figures.unknown, figures.phantom) == (0, 1, 0)


def test_test_number_is_not_lost_although_no_carrier_saw_it() -> None:
    figures = count(replace(WELL, arrived=(), attempts=(structs.replace(ATTEMPT, test=True),)))

    assert (figures.lost, figures.handed_over) == (0, 0)


def test_refused_message_is_not_handed_over_and_not_lost() -> None:
    figures = count(replace(WELL, arrived=(replace(ARRIVED, decision="refused"),)))

    assert (figures.lost, figures.handed_over, figures.delivered) == (0, 0, 0)


def test_bound_of_what_was_not_seen_is_three_in_n() -> None:
    assert count(WELL).lost_upper_bound == 3.0


@pytest.mark.parametrize(("share", "value"), [(0.5, 51.0), (0.99, 100.0), (0.0, 1.0)])
def test_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert percentile(range(1, 101), share) == value


def test_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) is None

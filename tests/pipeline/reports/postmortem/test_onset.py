"""Messages -> the first one that was lost."""

from dataclasses import replace

import pytest
from msgspec import structs

from pipeline.reports.postmortem.codes import codes
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.onset import onset
from tests.pipeline.reports.postmortem.made_up import CLOSED, LIFE, ONSET, at, attempt, receipt

BEGIN, END = -120, 120


def facts(lost: set[int], told_s: int = 0) -> Facts:
    """Send a message through carrier-a each second; those that are lost or never reported are in `lost`."""
    sent = [attempt(f"request-{turn + 500:08}", 1, "carrier-a", turn) for turn in range(BEGIN, END)]
    return Facts(
        incident=structs.replace(CLOSED, onset_at=at(told_s)),
        attempts=sent,
        receipts=[receipt(one) for one, turn in zip(sent, range(BEGIN, END), strict=True) if turn not in lost],
        life=LIFE,
        as_of=at(7200),
    )


def found(known: Facts) -> float:
    return (onset(known, codes(known)) - ONSET).total_seconds()


@pytest.mark.parametrize("told_s", [-5, -1, 0, 3, 9])
def test_first_lost_message_is_found_although_the_incident_says_another_second(told_s: int) -> None:
    assert found(facts(set(range(END)), told_s)) == 0


def test_message_without_a_receipt_long_before_is_not_taken_for_the_first() -> None:
    assert found(facts({-20, -7, *range(END)})) == 0


def test_outage_that_loses_a_part_begins_with_a_lost_message() -> None:
    assert found(facts({turn for turn in range(END) if turn % 5 in {0, 2}})) == 0


def test_where_receipts_often_fail_to_come_their_absence_says_less() -> None:
    seldom = {turn for turn in range(BEGIN, 0) if turn % 3 == 0}

    assert found(facts({*seldom, *range(END)})) >= -3


def test_where_no_message_tells_the_incident_is_believed() -> None:
    assert found(facts(set(), told_s=7)) == 7
    assert found(replace(facts(set(), told_s=7), attempts=())) == 7

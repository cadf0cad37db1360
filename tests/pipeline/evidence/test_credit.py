"""Whom an entered code credits."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from pipeline.errors import Outcome
from pipeline.evidence.credit import Known, credit, refused, verified
from pipeline.records import Attempt, ReceiptState, Verdict
from tests.samples import ATTEMPT, NOW

DELIVERED, ENROUTE, NONE = ReceiptState.DELIVERED, ReceiptState.ENROUTE, None
OK, MAYBE, FAILED = Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.UNAVAILABLE


def _known(*attempts: tuple[Outcome, ReceiptState | None]) -> list[Known]:
    return [(_attempt(number, outcome), state) for number, (outcome, state) in enumerate(attempts, 1)]


def _attempt(number: int, outcome: Outcome) -> Attempt:
    sent_at = NOW + timedelta(seconds=number)
    return replace(ATTEMPT, number=number, provider=f"carrier-{number}", outcome=outcome, sent_at=sent_at)


@pytest.mark.parametrize(
    ("known", "credited"),
    [
        (_known(), None),
        (_known((FAILED, NONE)), None),
        (_known((OK, NONE)), 1),
        (_known((OK, ENROUTE)), 1),
        (_known((MAYBE, NONE)), 1),
        (_known((FAILED, NONE), (OK, NONE)), 2),
        (_known((OK, NONE), (OK, NONE)), None),
        (_known((MAYBE, NONE), (OK, NONE)), None),
        (_known((OK, ENROUTE), (OK, DELIVERED)), 2),
        (_known((OK, DELIVERED), (OK, NONE)), 1),
        (_known((OK, DELIVERED), (OK, DELIVERED)), None),
        (_known((FAILED, DELIVERED), (OK, NONE), (OK, NONE)), None),
    ],
)
def test_credit_goes_to_the_one_attempt_that_certainly_brought_the_code(
    known: list[Known], credited: int | None
) -> None:
    brought = credit(known)

    assert (brought.number if brought else None) == credited


def test_verified_record_names_route_and_send_second_of_the_credited_attempt() -> None:
    record = verified("request-0123456789", "shop", _known((FAILED, NONE), (OK, NONE)), NOW)

    assert (record.verdict, record.provider, record.country) == (Verdict.VERIFIED, "carrier-2", "GB")
    assert (record.sent_at, record.config) == (NOW + timedelta(seconds=2), "config")


def test_refused_record_credits_nobody() -> None:
    record = refused("request-0123456789", "shop", NOW)

    assert (record.verdict, record.provider, record.sent_at) == (Verdict.REFUSED, None, None)

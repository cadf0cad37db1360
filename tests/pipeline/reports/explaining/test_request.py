"""Why a request went the way it went."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import DeadReason, Outcome
from pipeline.records import (
    Attempt,
    DeadLetter,
    Origin,
    OtpRequest,
    Receipt,
    ReceiptState,
    RouteState,
    Sent,
    Verdict,
    Verification,
)
from pipeline.reports.explaining import RequestRecords, RequestStory, explain_request
from tests.samples import ATTEMPT, NOW, REQUEST_ID, a_route, a_table

REQUEST = OtpRequest(
    request_id=REQUEST_ID,
    caller="shop",
    to="+447700900123",
    purpose="login",
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=5),
)
DEAD = DeadLetter(
    reason=DeadReason.EXHAUSTED,
    detail="every attempt failed",
    origin=Origin(topic="otp.requests", partition=0, offset=1),
    size=1,
    at=NOW + timedelta(seconds=20),
    request_id=REQUEST_ID,
    caller="shop",
    request=REQUEST,
    country="GB",
    attempts=(ATTEMPT,),
)


def attempt(number: int = 1, provider: str = "carrier-a", **changes: Any) -> Attempt:
    sent_at = NOW + timedelta(seconds=10 * (number - 1))
    return replace(ATTEMPT, number=number, provider=provider, sent_at=sent_at, **changes)


def receipt(state: ReceiptState, number: int = 1, after_s: float = 3.0) -> Receipt:
    return Receipt(
        request_id=REQUEST_ID,
        number=number,
        provider="carrier-a",
        country="GB",
        state=state,
        raw="its word",
        sent_at=NOW,
        received_at=NOW + timedelta(seconds=10 * (number - 1) + after_s),
        config="config",
    )


ENTERED = Verification(
    request_id=REQUEST_ID, caller="shop", verdict=Verdict.VERIFIED, at=NOW + timedelta(seconds=30), provider="carrier-b"
)


def told(**known: Any) -> RequestStory:
    story = explain_request(REQUEST_ID, RequestRecords(**known))
    assert story is not None
    return story


def test_nothing_is_told_of_what_is_not_known() -> None:
    assert explain_request(REQUEST_ID, RequestRecords()) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trigger": "failover"}, "attempt 1 through carrier-a ended as unavailable"),
        (
            {"trigger": "second_look", "replaces": Sent(number=1, provider="carrier-a", sent_at=NOW, config="")},
            "nothing was heard of attempt 1 through carrier-a",
        ),
        ({"trigger": "resend"}, "the person asked for another message"),
        ({"trigger": "of_a_later_release"}, "of a later release"),
    ],
)
def test_reason_of_an_attempt_follows_from_its_trigger(changes: dict[str, Any], why: str) -> None:
    story = told(attempts=[attempt(2, "carrier-b", **changes), attempt(outcome=Outcome.UNAVAILABLE)])
    assert [one.why for one in story.attempts] == ["the first one", why]


def test_share_and_state_are_those_of_the_table_that_held_then() -> None:
    def table(share: float, after_s: float, state: RouteState) -> Any:
        at = NOW + timedelta(seconds=after_s)
        routes = a_route("carrier-a", share, state), a_route("carrier-b", 1 - share)
        return a_table(*routes, changed_at=at, why=f"{share}")

    tables = [table(0.1, 5, RouteState.BROKEN), table(0.9, -60, RouteState.NORMAL), table(0.5, -600, RouteState.CANARY)]
    story = told(attempts=[attempt(), attempt(2, trigger="resend")], tables=tables)
    assert [(one.share, one.state, one.moved) for one in story.attempts] == [
        (0.9, "normal", "0.9"),
        (0.1, "broken", "0.1"),
    ]


def test_share_of_a_time_whose_table_is_gone_is_not_made_up() -> None:
    (one,) = told(
        attempts=[attempt()], tables=[a_table(a_route("carrier-a", 1.0), changed_at=NOW + timedelta(1))]
    ).attempts
    assert (one.share, one.state, one.moved) == (None, None, None)


def test_receipts_stand_with_their_attempt_in_order_and_once() -> None:
    delivered, enroute = receipt(ReceiptState.DELIVERED), receipt(ReceiptState.ENROUTE, after_s=1)
    story = told(
        attempts=[attempt(), attempt(2)], receipts=[delivered, enroute, delivered, receipt(ReceiptState.EXPIRED, 2)]
    )
    first, second = story.attempts
    assert [(one.state, one.after_s) for one in first.receipts] == [("ENROUTE", 1.0), ("DELIVERED", 3.0)]
    assert [one.state for one in second.receipts] == ["EXPIRED"]


@pytest.mark.parametrize(
    ("known", "ending"),
    [
        ({"request": REQUEST}, "not handed to any provider yet"),
        ({"attempts": [attempt()]}, "nothing was heard of it yet"),
        ({"attempts": [attempt()], "receipts": [receipt(ReceiptState.DELIVERED)]}, "delivered through carrier-a"),
        ({"attempts": [attempt()], "verifications": [ENTERED], "dead": DEAD}, "was entered and right"),
        ({"dead": DEAD}, "given up"),
        ({"dead": DEAD, "attempts": [attempt(4)]}, "nothing was heard of it yet"),  # it was redriven
    ],
)
def test_ending_is_told(known: dict[str, Any], ending: str) -> None:
    assert ending in told(**known).says


def test_attempts_of_a_dead_letter_are_told_where_their_own_records_are_gone() -> None:
    story = told(dead=DEAD)
    assert [one.number for one in story.attempts] == [1]
    assert (story.caller, story.purpose, story.dead) == ("shop", "login", "exhausted: every attempt failed")


@given(st.sampled_from([None, REQUEST]), st.sampled_from([None, DEAD]), st.lists(st.integers(1, 9), max_size=4))
def test_nothing_personal_is_told(request: OtpRequest | None, dead: DeadLetter | None, numbers: list[int]) -> None:
    attempts = [attempt(number, number_hash="hash-of-the-number") for number in numbers]
    story = explain_request(REQUEST_ID, RequestRecords(request=request, dead=dead, attempts=attempts))
    shown = msgspec.json.encode(story).decode()
    assert [secret for secret in ("447700900123", "hash-of-the-number", '"hash"') if secret in shown] == []

"""What a redrive does with a dead letter."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dead_letters.letters import filed, resolved
from pipeline.dead_letters.redrive import (
    NEVER,
    NOT_KEPT,
    TIER,
    Decision,
    Done,
    End,
    Refuse,
    Reopen,
    Row,
    decide,
    expired,
    summary,
)
from pipeline.errors import DeadReason, Outcome
from pipeline.records import DeadLetter, LetterState, Origin, Retry, decode, encode
from tests.pipeline.dead_letters.dead import LIFE, REQUEST, a_dead_letter, a_letter, an_attempt
from tests.samples import NOW, REQUEST_ID

SHARE = 0.6  # of 300 s: the last send starts at 180 s
HOPELESS = {
    DeadReason.UNDECODABLE,
    DeadReason.UNKNOWN_VERSION,
    DeadReason.INVALID_FIELD,
    DeadReason.OVERSIZED,
    DeadReason.PLAIN_NUMBER,
    DeadReason.INVALID_NUMBER,
    DeadReason.INVALID_CODE,
    DeadReason.CONFLICT,
    DeadReason.TOO_SOON,
    DeadReason.TOO_MANY,
    DeadReason.SUPERSEDED,
}
MENDABLE = sorted({*DeadReason} - HOPELESS - {DeadReason.EXPIRED})
UNOPENED: dict[str, Any] = dict.fromkeys(("number_hash", "country", "kid", "starts_at", "deadline_at", "source"))


def decided(now: datetime, **changes: Any) -> Decision:
    return decide(a_letter(**changes), now, last_send_share=SHARE, kid="newest")


def after(seconds: float, **changes: Any) -> Decision:
    return decided(NOW + timedelta(seconds=seconds), **changes)


def retry(decision: Decision) -> Retry:
    assert isinstance(decision, Reopen)
    return decision.retry


@pytest.mark.parametrize("reason", MENDABLE)
def test_request_that_still_lives_is_opened_again(reason: DeadReason) -> None:
    assert isinstance(after(60, reason=reason), Reopen)


@pytest.mark.parametrize("reason", sorted(HOPELESS))
def test_letter_that_can_never_work_is_refused_whatever_it_holds(reason: DeadReason) -> None:
    assert isinstance(after(60, reason=reason), Refuse)
    assert isinstance(after(60, reason=reason, request=None), Refuse)


def test_number_that_two_providers_have_given_up_is_refused_and_one_providers_word_may_be_tried_again() -> None:
    first, second = (
        replace(an_attempt(number), outcome=Outcome.REJECTED, provider=f"carrier-{number}") for number in (1, 2)
    )

    assert after(60, reason=DeadReason.REJECTED, attempts=(first, second)) == Refuse(why=NEVER)
    assert isinstance(after(60, reason=DeadReason.REJECTED, attempts=(first,)), Reopen)


def test_letter_without_its_request_is_refused() -> None:
    assert after(60, reason=DeadReason.DEFECT, request=None) == Refuse(why=NOT_KEPT)


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1), timedelta(seconds=601)])
def test_request_whose_life_is_none_is_refused(life: timedelta) -> None:
    request = replace(REQUEST, expires_at=NOW + life)
    assert isinstance(after(0, reason=DeadReason.UNKNOWN_CALLER, request=request), Refuse)


@pytest.mark.parametrize(("seconds", "kind"), [(177.9, Reopen), (178.1, End), (300, End), (86_400, End)])
def test_request_for_which_no_send_could_start_when_it_is_due_is_ended(seconds: float, kind: type[Decision]) -> None:
    assert type(after(seconds)) is kind


def test_caller_is_told_which_code_ended_when_and_why_and_nothing_else() -> None:
    decision = after(200)

    assert isinstance(decision, End)
    assert decision.expired == expired(a_dead_letter())
    assert decision.expired
    told = {name: getattr(decision.expired, name) for name in decision.expired.__struct_fields__}
    assert told == {
        "v": 1,
        "request_id": REQUEST_ID,
        "caller": "shop",
        "purpose": "login",
        "expired_at": NOW + LIFE,
        "reason": DeadReason.EXHAUSTED,
    }


def test_caller_of_an_expired_request_was_told_by_dispatch() -> None:
    assert after(10, reason=DeadReason.EXPIRED) == End(expired=None)


def test_redriven_request_goes_on_after_its_attempts_by_the_name_of_its_claims() -> None:
    again = retry(after(60))

    assert (again.source, again.redriven, again.attempts) == ("otp.requests/1/2", 2, (an_attempt(1), an_attempt(2)))
    assert (again.kid, again.starts_at, again.deadline_at, again.waiting) == ("k1", NOW, NOW + LIFE, None)
    assert decode(Retry, encode(again)) == again


def test_request_that_was_never_opened_goes_on_with_the_newest_key_under_the_place_of_its_record() -> None:
    again = retry(after(60, reason=DeadReason.UNKNOWN_CALLER, attempts=(), **UNOPENED))

    assert (again.source, again.redriven, again.kid) == ("otp.requests/1/2", 0, "newest")
    assert (again.starts_at, again.deadline_at) == (NOW, NOW + LIFE)


def test_wish_for_another_message_that_was_not_tried_is_still_one() -> None:
    wish = replace(REQUEST, resend=1)
    tried = (an_attempt(1), an_attempt(2, trigger="resend"))
    assert retry(after(60, request=wish, attempts=())).waiting == "resend"
    assert retry(after(60, request=wish, attempts=tried)).waiting is None


@st.composite
def letters(draw: st.DrawFn) -> DeadLetter:
    """Give letters of requests with any life and clock, opened or not."""
    seconds = st.floats(-1000, 2000)
    issued_at = NOW + timedelta(seconds=draw(seconds))
    expires_at = issued_at + timedelta(seconds=draw(st.floats(-10, 700)))
    count = draw(st.integers(0, 4))
    outcomes = draw(st.lists(st.sampled_from(Outcome), min_size=count, max_size=count))
    return a_dead_letter(
        reason=draw(st.sampled_from(DeadReason)),
        at=NOW + timedelta(seconds=draw(seconds)),
        request=draw(st.sampled_from([None, replace(REQUEST, issued_at=issued_at, expires_at=expires_at)])),
        attempts=tuple(an_attempt(number, outcome) for number, outcome in enumerate(outcomes, start=1)),
        deadline_at=draw(st.sampled_from([None, NOW + timedelta(seconds=draw(seconds))])),
    )


@given(letters(), st.floats(-1000, 4000))
def test_nothing_is_redriven_whose_life_is_over_or_will_be_when_it_is_due(dead: DeadLetter, seconds: float) -> None:
    now = NOW + timedelta(seconds=seconds)
    decision = decided(now, **{name: getattr(dead, name) for name in dead.__struct_fields__})
    if isinstance(decision, Reopen):
        assert dead.request
        assert now + TIER.delay < dead.request.expires_at
        assert dead.deadline_at is None or now + TIER.delay < dead.deadline_at
        assert decision.retry.deadline_at <= dead.request.expires_at


@given(st.lists(letters(), max_size=6), st.floats(0, 400), st.sets(st.integers(0, 5)))
def test_redrive_that_was_cut_off_anywhere_and_is_run_again_is_the_same_as_one(
    dead: list[DeadLetter], seconds: float, marked: set[int]
) -> None:
    """The records of both runs, each once, are those of one run; a third run does nothing."""
    now = NOW + timedelta(seconds=seconds)
    read = [
        (Origin(topic="otp.dead", partition=0, offset=n), replace(one, source=f"s/0/{n}")) for n, one in enumerate(dead)
    ]
    first = filed(read, ())
    once = [decide(letter, now, last_send_share=SHARE, kid="k") for letter in first]
    done = [
        resolved(letter, LetterState.REDRIVEN, now, "ann")
        for number, (letter, decision) in enumerate(zip(first, once, strict=True))
        if isinstance(decision, Reopen | End) and number in marked
    ]
    second = [decide(letter, now, last_send_share=SHARE, kid="k") for letter in filed(read, done)]
    for number, (before, again) in enumerate(zip(once, second, strict=True)):
        acted = isinstance(before, Reopen | End) and number in marked
        assert again == (Done(state=LetterState.REDRIVEN) if acted else before)


def test_what_was_decided_is_counted_by_reason_the_most_frequent_first() -> None:
    decisions: list[tuple[DeadLetter, Decision]] = [
        (a_dead_letter(reason=DeadReason.REJECTED), Refuse(why="never")),
        (a_dead_letter(), End(expired=None)),
        (a_dead_letter(), after(60)),
        (a_dead_letter(), Done(state=LetterState.PURGED)),
    ]
    counted = summary(decisions)

    assert list(counted.reasons.items()) == [
        ("exhausted", Row(found=2, redriven=1, expired=1)),
        ("rejected", Row(found=1, refused=1)),
    ]
    assert (counted.refusals, counted.done_before) == ({"never": 1}, {"purged": 1})
    assert counted.total == Row(found=3, redriven=1, expired=1, refused=1)

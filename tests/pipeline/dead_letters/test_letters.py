"""Dead letters by name, with what was done with them, and which of them are meant."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dead_letters.letters import (
    Letter,
    LetterFilter,
    filed,
    is_of_the_request,
    letter_id,
    refusal_of,
    resolved,
)
from pipeline.errors import DeadReason
from pipeline.records import DeadLetter, LetterState, Origin, RefusedRequest
from tests.pipeline.dead_letters.dead import REQUEST, a_dead_letter, a_letter, an_attempt
from tests.samples import NOW, REQUEST_ID

LATER = NOW + timedelta(minutes=10)  # the letter is 9 minutes and 55 seconds old


def at(offset: int) -> Origin:
    return Origin(topic="otp.dead", partition=0, offset=offset)


def states(*letters: DeadLetter, done: Letter | None = None) -> list[LetterState]:
    resolutions = [resolved(done, LetterState.REDRIVEN, LATER, "ann")] if done else []
    return [letter.state for letter in filed([(at(n), dead) for n, dead in enumerate(letters)], resolutions)]


def test_a_letter_of_another_record_that_bears_the_id_is_not_the_requests_own() -> None:
    report = Origin(topic="otp.verifications", partition=0, offset=1)

    assert is_of_the_request(a_dead_letter())
    assert not is_of_the_request(a_dead_letter(reason=DeadReason.CONFLICT))
    assert not is_of_the_request(a_dead_letter(origin=report))


def test_caller_is_told_of_a_dead_letter_where_anything_names_it() -> None:
    wish = replace(REQUEST, resend=2)
    dead = a_dead_letter(request=wish)

    told = RefusedRequest(
        request_id=REQUEST_ID,
        caller="shop",
        reason=DeadReason.EXHAUSTED,
        detail="every attempt failed",
        resend=2,
        origin=dead.origin,
        at=dead.at,
    )
    assert refusal_of(dead) == told
    unread = a_dead_letter(request=None, caller=None)
    assert refusal_of(unread) == replace(told, caller=None, resend=0)
    assert refusal_of(a_dead_letter(request=None, caller=None, request_id=None)) is None


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (LetterFilter(), True),
        (LetterFilter(reason=DeadReason.EXHAUSTED), True),
        (LetterFilter(reason=DeadReason.NO_ROUTE), False),
        (LetterFilter(provider="carrier-2"), True),
        (LetterFilter(provider="carrier-3"), False),
        (LetterFilter(country="GB"), True),
        (LetterFilter(country="DE"), False),
        (LetterFilter(caller="shop"), True),
        (LetterFilter(caller="bank"), False),
        (LetterFilter(older_than=timedelta(minutes=9)), True),
        (LetterFilter(older_than=timedelta(minutes=10)), False),
        (LetterFilter(newer_than=timedelta(minutes=10)), True),
        (LetterFilter(newer_than=timedelta(minutes=9)), False),
        (LetterFilter(name=REQUEST_ID), True),
        (LetterFilter(name="otp.dead/0/7"), True),
        (LetterFilter(name="otp.requests/1/2"), True),
        (LetterFilter(name="otp.dead/0/8"), False),
        (LetterFilter(reason=DeadReason.EXHAUSTED, provider="carrier-2", country="GB", caller="shop"), True),
        (LetterFilter(reason=DeadReason.EXHAUSTED, country="DE"), False),
    ],
)
def test_letter_is_meant_when_everything_that_is_said_is_true_of_it(wanted: LetterFilter, *, meant: bool) -> None:
    assert wanted.matches(a_letter(7), LATER) is meant


def test_letter_of_a_record_that_could_not_be_read_is_meant_by_its_place_and_reason_alone() -> None:
    unread: dict[str, Any] = {"request_id": None, "caller": None, "request": None, "country": None, "attempts": ()}
    letter = a_letter(7, reason=DeadReason.UNDECODABLE, source=None, **unread)
    assert LetterFilter(name="otp.requests/1/2").matches(letter, LATER)
    assert not LetterFilter(name=REQUEST_ID).matches(letter, LATER)


def test_letter_is_open_until_something_was_done_with_it() -> None:
    assert states(a_dead_letter()) == [LetterState.OPEN]
    assert states(a_dead_letter(), done=a_letter()) == [LetterState.REDRIVEN]


def test_copies_that_a_redelivered_record_leaves_are_one_letter() -> None:
    copy = a_dead_letter(origin=Origin(topic="otp.retry.2s", partition=0, offset=9))
    assert letter_id(copy) == letter_id(a_dead_letter())
    assert states(a_dead_letter(), copy, done=a_letter()) == [LetterState.REDRIVEN]


def test_request_that_dies_again_after_a_redrive_is_an_open_letter_again() -> None:
    again = a_dead_letter(at=a_dead_letter().at + timedelta(seconds=3))
    tried = a_dead_letter(attempts=(an_attempt(1), an_attempt(2), an_attempt(3)))
    assert states(a_dead_letter(), again, done=a_letter()) == [LetterState.OPEN]
    assert sorted(states(a_dead_letter(), tried, done=a_letter())) == [LetterState.OPEN, LetterState.REDRIVEN]


@given(st.permutations(range(4)))
def test_letters_are_newest_first_in_whatever_order_they_are_read(order: list[int]) -> None:
    letters = [
        (at(n), replace(a_dead_letter(), at=NOW + timedelta(seconds=n), source=f"otp.requests/1/{n}")) for n in order
    ]
    assert [letter.place.offset for letter in filed(letters, ())] == [3, 2, 1, 0]

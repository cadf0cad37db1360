"""Which refusals end a request, and which are refuted by what another provider says of the same code."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dispatch.decision import Dead
from pipeline.dispatch.refusals import FINAL, REFUTABLE, permanent_failure, refuted, unheard, unwilling
from pipeline.errors import DeadReason, Outcome
from pipeline.records import Attempt, Sent
from tests.samples import ATTEMPT, NOW

A, R, M, U = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.MALFORMED, Outcome.UNDELIVERABLE
ALONE = "carrier-1 answered word; no other provider is left to ask"


def tried(*attempts: tuple[str, Outcome]) -> tuple[Attempt, ...]:
    """Give attempts in their order, each a second after the one before."""
    return tuple(
        replace(
            ATTEMPT,
            number=number,
            provider=provider,
            outcome=outcome,
            code="word",
            sent_at=NOW + timedelta(seconds=number),
        )
        for number, (provider, outcome) in enumerate(attempts, start=1)
    )


@pytest.mark.parametrize("outcome", FINAL)
def test_one_providers_word_ends_nothing_while_another_one_can_be_asked(outcome: Outcome) -> None:
    assert permanent_failure(tried(("carrier-1", outcome)), others=True) is None


@pytest.mark.parametrize(("outcome", "reason"), FINAL.items())
def test_one_providers_word_is_enough_where_no_other_is_left_and_the_letter_says_so(
    outcome: Outcome, reason: DeadReason
) -> None:
    assert permanent_failure(tried(("carrier-1", outcome)), others=False) == Dead(reason=reason, detail=ALONE)


@pytest.mark.parametrize(("outcome", "reason"), FINAL.items())
def test_the_word_of_two_ends_a_request(outcome: Outcome, reason: DeadReason) -> None:
    attempts = tried(("carrier-1", outcome), ("carrier-2", Outcome.UNAVAILABLE), ("carrier-3", outcome))

    detail = "carrier-1 answered word and carrier-3 answered word"
    assert permanent_failure(attempts, others=True) == Dead(reason=reason, detail=detail)


def test_two_words_of_one_provider_are_one() -> None:
    assert permanent_failure(tried(("carrier-1", R), ("carrier-1", R)), others=True) is None


def test_two_providers_that_say_different_things_do_not_agree() -> None:
    assert permanent_failure(tried(("carrier-1", R), ("carrier-2", M)), others=True) is None


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - FINAL.keys()))
def test_no_other_outcome_is_a_last_word(outcome: Outcome) -> None:
    attempts = tried(("carrier-1", outcome), ("carrier-2", outcome))

    assert permanent_failure(attempts, others=False) is None
    assert unwilling(attempts) == frozenset()


def test_what_was_refused_before_a_provider_took_it_is_no_word_any_more() -> None:
    assert permanent_failure(tried(("carrier-1", R), ("carrier-2", A)), others=False) is None
    assert permanent_failure(tried(("carrier-1", R), ("carrier-2", A), ("carrier-3", R)), others=True) is None


@pytest.mark.parametrize(
    ("attempts", "left"),
    [
        ((), True),
        ((("a", R),), True),
        ((("a", R), ("b", Outcome.UNAVAILABLE)), True),  # it has not been heard on this
        ((("a", R), ("b", Outcome.UNKNOWN)), True),
        ((("a", R), ("b", M)), False),
        ((("a", A), ("b", R)), False),
    ],
)
def test_a_provider_is_left_while_one_has_neither_said_its_last_word_nor_taken_it(
    attempts: tuple[tuple[str, Outcome], ...], *, left: bool
) -> None:
    assert unheard({"a", "b"}, tried(*attempts)) == left


def test_whoever_takes_it_refutes_those_that_blamed_the_number_or_the_text() -> None:
    attempts = tried(("a", R), ("b", M), ("c", U), ("d", Outcome.REFUSED), ("e", Outcome.UNAVAILABLE))

    assert [sent.provider for sent in refuted(attempts, "f")] == ["c", "b", "a"]
    assert refuted(attempts[:1], "f") == (
        Sent(number=1, provider="a", sent_at=NOW + timedelta(seconds=1), config=ATTEMPT.config),
    )


def test_no_refusal_is_refuted_twice_and_none_by_its_own_provider() -> None:
    assert refuted(tried(("a", R), ("b", A)), "c") == ()
    assert refuted(tried(("a", R)), "a") == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Outcome)), max_size=8), st.booleans())
def test_a_request_ends_on_words_of_several_or_when_nobody_is_left(
    attempts: list[tuple[str, Outcome]],
    others: bool,  # noqa: FBT001 - generated
) -> None:
    word = permanent_failure(tried(*attempts), others=others)

    if word and others:
        outcome = next(outcome for outcome, reason in FINAL.items() if reason is word.reason)
        assert len({provider for provider, said in attempts if said is outcome}) > 1
    assert all(sent.provider != "a" for sent in refuted(tried(*attempts), "a"))
    assert len(refuted(tried(*attempts), "z")) <= sum(outcome in REFUTABLE for _, outcome in attempts)

"""After a failure or a silence: again when, through whom, or never."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dispatch.attempts import PASSING
from pipeline.dispatch.decision import Dead, Finished, Look, Seen, Send
from pipeline.dispatch.retry import resend, wait
from pipeline.errors import HANDED_OVER, DeadReason, Outcome
from pipeline.records import ReceiptState
from tests.pipeline.dispatch.decisions import FIRST, LIFE, POLICY, START, TIER_2S, TIER_10S, an_attempt, decided


def test_new_request_is_sent() -> None:
    assert decided(at_s=0) == Send(trigger="first")


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - HANDED_OVER))
def test_failure_that_another_route_may_mend_goes_there_at_once(outcome: Outcome) -> None:
    assert decided(an_attempt(outcome), at_s=1) == Send(trigger="failover")


@pytest.mark.parametrize("reason", [DeadReason.REJECTED, DeadReason.MALFORMED])
def test_permanent_failure_ends_a_request_that_nobody_has_taken(reason: DeadReason) -> None:
    failure = Dead(reason=reason, detail="two said so")
    attempts = (an_attempt(Outcome.REJECTED), an_attempt(Outcome.REJECTED, number=2))

    assert decided(*attempts, at_s=1, failure=failure) == Dead(reason=reason, detail="two said so")
    assert resend(attempts, Seen(), LIFE, START, POLICY, failure=failure) == Dead(reason=reason, detail="two said so")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen(verified=True), "verified"),
        (Seen(succeeded=True), "succeeded"),
        (Seen(states=frozenset({ReceiptState.DELIVERED})), "delivered"),
    ],
)
def test_request_that_is_over_is_never_sent_again(seen: Seen, why: str) -> None:
    assert decided(an_attempt(Outcome.UNAVAILABLE), at_s=60, seen=seen) == Finished(why=why)


def test_no_send_starts_after_60_percent_of_the_life() -> None:
    assert decided(an_attempt(Outcome.UNAVAILABLE), at_s=180) == Send(trigger="failover")

    late = decided(an_attempt(Outcome.UNAVAILABLE), at_s=180.001)

    assert isinstance(late, Dead)
    assert late.reason is DeadReason.EXPIRED


def test_what_any_provider_may_have_is_no_dead_letter() -> None:
    attempts = (an_attempt(Outcome.UNKNOWN), an_attempt(Outcome.REJECTED, number=2))
    failure = Dead(reason=DeadReason.REJECTED, detail="nobody else is left")

    assert decided(*attempts, at_s=40, failure=failure) == Finished(why="handed_over")


@pytest.mark.parametrize(("waited_s", "tier"), [(0, TIER_2S), (9, TIER_2S), (10, TIER_10S), (100, TIER_10S)])
def test_request_without_a_free_provider_waits_longer_each_time(waited_s: float, tier: object) -> None:
    assert wait(FIRST, (), LIFE, START + timedelta(seconds=waited_s), POLICY) == Look(tier=tier, waiting="first")  # type: ignore[arg-type] # a table's column


def test_request_that_no_provider_could_take_in_time_is_expired() -> None:
    decision = wait(FIRST, (), LIFE, START + timedelta(seconds=179), POLICY)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXPIRED


def test_person_who_asks_again_gets_the_next_attempt_however_young_the_last_one_is() -> None:
    assert resend((an_attempt(),), Seen(), LIFE, START + timedelta(seconds=1), POLICY) == Send(trigger="resend")


@pytest.mark.parametrize(
    ("count", "seen", "at_s", "reason"),
    [
        (5, Seen(), 100, DeadReason.TOO_MANY),
        (5, Seen(void=True), 200, DeadReason.TOO_MANY),
        (1, Seen(void=True), 100, DeadReason.SUPERSEDED),
        (1, Seen(), 181, DeadReason.EXPIRED),
    ],
)
def test_wish_that_nothing_is_sent_for_says_why_though_its_request_was_handed_over(
    count: int, seen: Seen, at_s: float, reason: DeadReason
) -> None:
    attempts = tuple(an_attempt(number=number) for number in range(1, count + 1))

    decision = resend(attempts, seen, LIFE, START + timedelta(seconds=at_s), POLICY)

    assert isinstance(decision, Finished)
    assert decision.unsent is not None
    assert decision.unsent.reason is reason


def test_wish_that_ends_a_request_which_nobody_has_is_a_dead_letter() -> None:
    late = resend((), Seen(), LIFE, START + timedelta(seconds=181), POLICY)
    void = resend((), Seen(void=True), LIFE, START, POLICY)

    assert [decision.reason for decision in (late, void) if isinstance(decision, Dead)] == [
        DeadReason.EXPIRED,
        DeadReason.SUPERSEDED,
    ]
    assert resend((an_attempt(),), Seen(verified=True), LIFE, START, POLICY) == Finished(why="verified")


@given(
    st.lists(st.sampled_from(Outcome), max_size=8),
    st.sets(st.sampled_from(ReceiptState)),
    st.floats(min_value=0, max_value=400),
    st.booleans(),
)
def test_decision_never_breaks_the_rules(
    outcomes: list[Outcome],
    states: set[ReceiptState],
    at_s: float,
    over: bool,  # noqa: FBT001 - generated
) -> None:
    attempts = tuple(an_attempt(outcome, number=number) for number, outcome in enumerate(outcomes, start=1))
    seen = Seen(verified=over, states=frozenset(states))

    decision = decided(*attempts, at_s=at_s, seen=seen)

    if isinstance(decision, Send):
        assert at_s <= 180.001
        assert sum(outcome not in PASSING for outcome in outcomes) < POLICY.max_attempts
        assert not over
        assert ReceiptState.DELIVERED not in states
    if isinstance(decision, Look):
        assert at_s + decision.tier.delay.total_seconds() <= 180.001
    if isinstance(decision, Dead):
        assert not HANDED_OVER & set(outcomes)


def test_request_that_waits_takes_the_shorter_tier_near_the_end() -> None:
    assert wait(FIRST, (), LIFE, START + timedelta(seconds=175), POLICY) == Look(tier=TIER_2S, waiting="first")


def test_superseded_request_is_a_dead_letter_unless_some_provider_may_have_it() -> None:
    dead = decided(an_attempt(Outcome.UNAVAILABLE), at_s=5, seen=Seen(void=True))

    assert isinstance(dead, Dead)
    assert dead.reason is DeadReason.SUPERSEDED
    assert decided(an_attempt(), at_s=5, seen=Seen(void=True)) == Finished(why="handed_over")


def test_test_number_is_not_looked_at_again() -> None:
    assert decided(replace(an_attempt(), test=True), at_s=0) == Finished(why="test")

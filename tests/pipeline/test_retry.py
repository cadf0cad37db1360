"""After a failure or a silence: again when, through whom, or never."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import DeadReason, Outcome
from pipeline.records import Attempt, ReceiptState
from pipeline.retry import HANDED_OVER, PASSING, Dead, Decision, Finished, Life, Look, Seen, Send, decide, resend, wait
from pipeline.settings import DispatchSettings
from pipeline.topics import RETRY_TIERS
from tests.samples import ATTEMPT
from tests.samples import NOW as START

LIFE = Life(starts_at=START, deadline_at=START + timedelta(seconds=300))  # the last send starts at 180 s
POLICY = DispatchSettings()
TIER_2S, TIER_10S, _ = RETRY_TIERS
ACCEPTED = Outcome.ACCEPTED
FIRST = Send(trigger="first")


def _attempt(outcome: Outcome = ACCEPTED, *, number: int = 1, at_s: float = 0.0) -> Attempt:
    sent_at = START + timedelta(seconds=at_s)
    provider = f"carrier-{number}"
    return replace(ATTEMPT, number=number, provider=provider, outcome=outcome, code="word", sent_at=sent_at)


def _decide(*attempts: Attempt, at_s: float, seen: Seen | None = None) -> Decision:
    return decide(attempts, seen or Seen(), LIFE, START + timedelta(seconds=at_s), POLICY)


def test_new_request_is_sent() -> None:
    assert _decide(at_s=0) == Send(trigger="first")


@pytest.mark.parametrize(
    "outcome", [Outcome.THROTTLED, Outcome.UNAVAILABLE, Outcome.MISCONFIGURED, Outcome.UNDELIVERABLE, Outcome.NOT_SENT]
)
def test_failure_that_another_route_may_mend_goes_there_at_once(outcome: Outcome) -> None:
    assert _decide(_attempt(outcome), at_s=1) == Send(trigger="failover")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.REJECTED, DeadReason.REJECTED), (Outcome.MALFORMED, DeadReason.MALFORMED)],
)
def test_failure_that_no_route_can_mend_is_a_dead_letter(outcome: Outcome, reason: DeadReason) -> None:
    decision = _decide(_attempt(outcome), at_s=1)

    assert isinstance(decision, Dead)
    assert decision.reason is reason


@pytest.mark.parametrize(
    ("silent_for_s", "decision"),
    [
        (0, Look(tier=TIER_10S)),
        (10.05, Look(tier=TIER_10S)),
        (20.1, Look(tier=TIER_10S)),  # overshoots 30 s by less than the shortest tier
        (25, Look(tier=TIER_2S)),
        (29.9, Look(tier=TIER_2S)),
        (30, Send(trigger="second_look", silent=True)),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_silence_is_looked_at_until_it_is_sent_again(outcome: Outcome, silent_for_s: float, decision: Decision) -> None:
    assert _decide(_attempt(outcome), at_s=silent_for_s) == decision


@pytest.mark.parametrize("state", [ReceiptState.UNDELIVERABLE, ReceiptState.EXPIRED, ReceiptState.REJECTED])
def test_receipt_of_failure_is_sent_again_at_the_first_look(state: ReceiptState) -> None:
    seen = Seen(states=frozenset({state}), last_state=state)

    assert _decide(_attempt(), at_s=10, seen=seen) == Send(trigger="second_look")


@pytest.mark.parametrize("state", [ReceiptState.ENROUTE, ReceiptState.UNKNOWN])
def test_receipt_that_says_nothing_is_silence(state: ReceiptState) -> None:
    seen = Seen(states=frozenset({state}), last_state=state)

    assert _decide(_attempt(), at_s=10, seen=seen) == Look(tier=TIER_10S)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen(verified=True), "verified"),
        (Seen(succeeded=True), "succeeded"),
        (Seen(states=frozenset({ReceiptState.DELIVERED})), "delivered"),
    ],
)
def test_request_that_is_over_is_never_sent_again(seen: Seen, why: str) -> None:
    assert _decide(_attempt(Outcome.UNAVAILABLE), at_s=60, seen=seen) == Finished(why=why)


def test_no_send_starts_after_60_percent_of_the_life() -> None:
    assert _decide(_attempt(Outcome.UNAVAILABLE), at_s=180) == Send(trigger="failover")

    late = _decide(_attempt(Outcome.UNAVAILABLE), at_s=180.001)

    assert isinstance(late, Dead)
    assert late.reason is DeadReason.EXPIRED


def test_silence_ends_without_a_dead_letter_when_no_send_could_follow() -> None:
    assert _decide(_attempt(at_s=170), at_s=171) == Finished(why="handed_over")


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.UNAVAILABLE])
def test_attempt_that_a_provider_has_certainly_not_taken_up_does_not_count(outcome: Outcome) -> None:
    failed = tuple(_attempt(outcome, number=number) for number in range(1, 20))

    assert _decide(*failed, at_s=5) == Send(trigger="failover")


def test_attempts_are_counted() -> None:
    failed = tuple(_attempt(Outcome.UNDELIVERABLE, number=number) for number in range(1, 6))

    decision = _decide(*failed, at_s=5)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXHAUSTED


def test_what_any_provider_may_have_is_no_dead_letter() -> None:
    attempts = (_attempt(Outcome.UNKNOWN), _attempt(Outcome.REJECTED, number=2))

    assert _decide(*attempts, at_s=40) == Finished(why="handed_over")


@pytest.mark.parametrize(("waited_s", "tier"), [(0, TIER_2S), (9, TIER_2S), (10, TIER_10S), (100, TIER_10S)])
def test_request_without_a_free_provider_waits_longer_each_time(waited_s: float, tier: object) -> None:
    assert wait(FIRST, (), LIFE, START + timedelta(seconds=waited_s), POLICY) == Look(tier=tier, waiting="first")  # type: ignore[arg-type] # a table's column


def test_request_that_no_provider_could_take_in_time_is_expired() -> None:
    decision = wait(FIRST, (), LIFE, START + timedelta(seconds=179), POLICY)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXPIRED


def test_person_who_asks_again_gets_the_next_attempt_however_young_the_last_one_is() -> None:
    assert resend((_attempt(),), Seen(), LIFE, START + timedelta(seconds=1), POLICY) == Send(trigger="resend")


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
    attempts = tuple(_attempt(outcome, number=number) for number, outcome in enumerate(outcomes, start=1))
    seen = Seen(verified=over, states=frozenset(states))

    decision = _decide(*attempts, at_s=at_s, seen=seen)

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
    dead = _decide(_attempt(Outcome.UNAVAILABLE), at_s=5, seen=Seen(void=True))

    assert isinstance(dead, Dead)
    assert dead.reason is DeadReason.SUPERSEDED
    assert _decide(_attempt(), at_s=5, seen=Seen(void=True)) == Finished(why="handed_over")


def test_test_number_is_not_looked_at_again() -> None:
    assert _decide(replace(_attempt(), test=True), at_s=0) == Finished(why="test")


def test_resend_counts_as_an_attempt_however_many_of_them_are_at_hand() -> None:
    decision = _decide(_attempt(Outcome.UNDELIVERABLE, number=5), at_s=5)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXHAUSTED


def test_chain_of_looks_ends() -> None:
    attempts: tuple[Attempt, ...] = (_attempt(),)
    now, steps = START, 0
    while isinstance(decision := decide(attempts, Seen(), LIFE, now, POLICY), Look | Send):
        steps += 1
        if isinstance(decision, Look):
            now += decision.tier.delay + timedelta(milliseconds=50)
        else:
            attempts = (*attempts, replace(_attempt(number=len(attempts) + 1), sent_at=now))

    assert decision == Finished(why="handed_over")
    assert steps < 30

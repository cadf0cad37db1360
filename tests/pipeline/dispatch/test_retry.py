"""After a failure or a silence: again when, through whom, or never."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.refusals import FinalWord
from pipeline.dispatch.retry import (
    PASSING,
    Dead,
    Decision,
    Finished,
    Life,
    Look,
    Seen,
    Send,
    anew,
    decide,
    replaced,
    resend,
    wait,
)
from pipeline.errors import HANDED_OVER, DeadReason, Outcome
from pipeline.records import Attempt, ReceiptState, Sent
from pipeline.records.topics import RETRY_TIERS
from pipeline.settings import DispatchSettings
from tests.samples import ATTEMPT
from tests.samples import NOW as START

LIFE = Life(starts_at=START, deadline_at=START + timedelta(seconds=300))  # the last send starts at 180 s
POLICY = DispatchSettings()
TIER_2S, TIER_10S, TIER_30S = RETRY_TIERS
ACCEPTED = Outcome.ACCEPTED
FIRST = Send(trigger="first")
RESCUE = Send(trigger="second_look", rescue=True)
SILENT = Send(trigger="second_look", silent=True)
BROKEN = RouteHealth(broken=True, silence_s=20.0)
BROKEN_AND_MUTE = RouteHealth(broken=True, silence_s=None)
FINE = RouteHealth(silence_s=20.0)
SLOW = RouteHealth(silence_s=45.0)
MUTE = RouteHealth(silence_s=None)  # receipts say nothing there


def _attempt(outcome: Outcome = ACCEPTED, *, number: int = 1, at_s: float = 0.0) -> Attempt:
    sent_at = START + timedelta(seconds=at_s)
    provider = f"carrier-{number}"
    return replace(ATTEMPT, number=number, provider=provider, outcome=outcome, code="word", sent_at=sent_at)


def _decide(
    *attempts: Attempt,
    at_s: float,
    seen: Seen | None = None,
    route: RouteHealth = UNKNOWN_HEALTH,
    word: FinalWord | None = None,
) -> Decision:
    return decide(attempts, seen or Seen(), LIFE, START + timedelta(seconds=at_s), POLICY, route=route, word=word)


def test_new_request_is_sent() -> None:
    assert _decide(at_s=0) == Send(trigger="first")


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - HANDED_OVER))
def test_failure_that_another_route_may_mend_goes_there_at_once(outcome: Outcome) -> None:
    assert _decide(_attempt(outcome), at_s=1) == Send(trigger="failover")


@pytest.mark.parametrize("reason", [DeadReason.REJECTED, DeadReason.MALFORMED])
def test_final_word_ends_a_request_that_nobody_has_taken(reason: DeadReason) -> None:
    word = FinalWord(reason=reason, detail="two said so")
    attempts = (_attempt(Outcome.REJECTED), _attempt(Outcome.REJECTED, number=2))

    assert _decide(*attempts, at_s=1, word=word) == Dead(reason=reason, detail="two said so")
    assert resend(attempts, Seen(), LIFE, START, POLICY, word=word) == Dead(reason=reason, detail="two said so")


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
    word = FinalWord(reason=DeadReason.REJECTED, detail="nobody else is left")

    assert _decide(*attempts, at_s=40, word=word) == Finished(why="handed_over")


@pytest.mark.parametrize(("waited_s", "tier"), [(0, TIER_2S), (9, TIER_2S), (10, TIER_10S), (100, TIER_10S)])
def test_request_without_a_free_provider_waits_longer_each_time(waited_s: float, tier: object) -> None:
    assert wait(FIRST, (), LIFE, START + timedelta(seconds=waited_s), POLICY) == Look(tier=tier, waiting="first")  # type: ignore[arg-type] # a table's column


def test_request_that_no_provider_could_take_in_time_is_expired() -> None:
    decision = wait(FIRST, (), LIFE, START + timedelta(seconds=179), POLICY)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXPIRED


def test_person_who_asks_again_gets_the_next_attempt_however_young_the_last_one_is() -> None:
    assert resend((_attempt(),), Seen(), LIFE, START + timedelta(seconds=1), POLICY) == Send(trigger="resend")


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
    attempts = tuple(_attempt(number=number) for number in range(1, count + 1))

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
    assert resend((_attempt(),), Seen(verified=True), LIFE, START, POLICY) == Finished(why="verified")


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


@pytest.mark.parametrize(
    ("route", "silent_for_s", "decision"),
    [
        # Known to be broken: at the first look.
        (BROKEN, 0, Look(tier=TIER_10S)),
        (BROKEN, 9.99, RESCUE),  # clocks differ a little
        (BROKEN, 10, RESCUE),
        (BROKEN, 35, RESCUE),
        (BROKEN_AND_MUTE, 10, RESCUE),
        # Fine: silence at 30 s, as without a table.
        (FINE, 10, Look(tier=TIER_10S)),
        (FINE, 20, Look(tier=TIER_10S)),
        (FINE, 30, SILENT),
        # Receipts often take longer than that: not before they are overdue.
        (SLOW, 30, Look(tier=TIER_10S)),
        (SLOW, 40, Look(tier=TIER_2S)),
        (SLOW, 45, SILENT),
        # Receipts say nothing: silence is no reason, and looking goes on for what else may become known.
        (MUTE, 10, Look(tier=TIER_10S)),
        (MUTE, 30, Look(tier=TIER_30S)),
        (MUTE, 100, Look(tier=TIER_30S)),
        (MUTE, 160, Finished(why="handed_over")),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_silence_means_what_is_known_of_the_route(
    outcome: Outcome, route: RouteHealth, silent_for_s: float, decision: Decision
) -> None:
    assert _decide(_attempt(outcome), at_s=silent_for_s, route=route) == decision


@pytest.mark.parametrize("route", [UNKNOWN_HEALTH, BROKEN, FINE, SLOW, MUTE], ids=str)
def test_receipt_of_failure_is_sent_again_at_the_first_look_whatever_is_known_of_the_route(route: RouteHealth) -> None:
    seen = Seen(last_state=ReceiptState.UNDELIVERABLE)

    assert _decide(_attempt(), at_s=10, seen=seen, route=route) == Send(trigger="second_look")


@pytest.mark.parametrize(
    ("route", "silent_for_s", "decision"),
    [
        (BROKEN, 0.1, Look(tier=TIER_2S)),
        (BROKEN, 2.1, RESCUE),
        # It works again meanwhile: a few looks more, then as any other.
        (FINE, 2.1, Look(tier=TIER_2S)),
        (FINE, 8.5, Look(tier=TIER_2S)),
        (FINE, 10.6, Look(tier=TIER_10S)),
        (FINE, 30.7, SILENT),
        # Only an entered code tells that it works again, and that is credited to a message that was alone.
        (BROKEN_AND_MUTE, 0.1, Look(tier=TIER_10S)),
        (BROKEN_AND_MUTE, 10.5, Look(tier=TIER_10S)),
        (BROKEN_AND_MUTE, 30.5, RESCUE),
    ],
)
def test_probe_of_a_broken_route_is_looked_at_early(
    route: RouteHealth, silent_for_s: float, decision: Decision
) -> None:
    assert _decide(replace(_attempt(), probe=True), at_s=silent_for_s, route=route) == decision


@pytest.mark.parametrize(
    "seen",
    [
        Seen(verified=True),
        Seen(void=True),
        Seen(succeeded=True),
        Seen(states=frozenset({ReceiptState.DELIVERED}), last_state=ReceiptState.DELIVERED),
    ],
)
def test_request_that_is_over_is_not_rescued(seen: Seen) -> None:
    assert isinstance(_decide(_attempt(), at_s=10, seen=seen, route=BROKEN), Finished)


def test_rescue_keeps_to_the_life_and_to_the_number_of_attempts() -> None:
    assert _decide(_attempt(), at_s=180.1, route=BROKEN) == Finished(why="handed_over")
    assert _decide(_attempt(number=5, at_s=20), at_s=30, route=BROKEN) == Finished(why="handed_over")


def test_rescue_that_must_wait_is_looked_at_again_and_still_is_one() -> None:
    attempts, at = (_attempt(),), START + timedelta(seconds=10)

    assert wait(RESCUE, attempts, LIFE, at, POLICY) == Look(tier=TIER_10S, waiting="second_look")
    assert _decide(*attempts, at_s=20.1, route=BROKEN) == RESCUE


def test_second_send_replaces_the_newest_attempt_that_a_provider_may_have() -> None:
    attempts = (_attempt(), _attempt(Outcome.UNKNOWN, number=2, at_s=10), _attempt(Outcome.UNAVAILABLE, number=3))

    expected = Sent(number=2, provider="carrier-2", sent_at=START + timedelta(seconds=10), config="config")
    assert replaced(attempts) == expected
    assert replaced(attempts[2:]) is None


@given(
    st.sampled_from([UNKNOWN_HEALTH, BROKEN, BROKEN_AND_MUTE, FINE, SLOW, MUTE]),
    st.booleans(),
    st.floats(min_value=0, max_value=400),
)
def test_chain_of_looks_never_stops_while_a_rescue_could_still_follow(
    route: RouteHealth,
    probe: bool,  # noqa: FBT001 - generated
    at_s: float,
) -> None:
    decision = _decide(replace(_attempt(), probe=probe), at_s=at_s, route=route)

    if isinstance(decision, Finished):
        assert at_s + TIER_30S.delay.total_seconds() > 180
    if isinstance(decision, Send):
        assert at_s <= 180.001
        assert decision.rescue == route.broken


def test_redriven_request_has_as_many_attempts_again() -> None:
    spent = tuple(_attempt(Outcome.UNDELIVERABLE, number=number) for number in range(1, POLICY.max_attempts + 1))
    policy = anew(POLICY, spent, POLICY.max_attempts)
    decisions = []
    for more in range(1, POLICY.max_attempts + 1):
        attempts = (*spent, *(_attempt(Outcome.UNDELIVERABLE, number=len(spent) + n) for n in range(1, more + 1)))
        decisions.append(decide(attempts, Seen(), LIFE, START, policy))

    assert isinstance(decide(spent, Seen(), LIFE, START, POLICY), Dead)
    assert decide(spent, Seen(), LIFE, START, policy) == Send(trigger="failover")
    assert [isinstance(decision, Dead) for decision in decisions] == [False, False, False, False, True]

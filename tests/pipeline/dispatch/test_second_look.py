"""What follows from silence, from receipts of failure and from a broken route, and when it is looked at again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.dispatch.decision import Decision, Finished, Look, Seen, Send
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.retry import decide, wait
from pipeline.errors import Outcome
from pipeline.records import Attempt, ReceiptState
from tests.pipeline.dispatch.decisions import (
    BROKEN,
    BROKEN_AND_MUTE,
    FINE,
    LIFE,
    MUTE,
    POLICY,
    RESCUE,
    SILENT,
    SLOW,
    START,
    TIER_2S,
    TIER_10S,
    TIER_30S,
    an_attempt,
    decided,
)


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
    assert decided(an_attempt(outcome), at_s=silent_for_s) == decision


@pytest.mark.parametrize("state", [ReceiptState.UNDELIVERABLE, ReceiptState.EXPIRED, ReceiptState.REJECTED])
def test_receipt_of_failure_is_sent_again_at_the_first_look(state: ReceiptState) -> None:
    seen = Seen(states=frozenset({state}), last_state=state)

    assert decided(an_attempt(), at_s=10, seen=seen) == Send(trigger="second_look")


@pytest.mark.parametrize("state", [ReceiptState.ENROUTE, ReceiptState.UNKNOWN])
def test_receipt_that_says_nothing_is_silence(state: ReceiptState) -> None:
    seen = Seen(states=frozenset({state}), last_state=state)

    assert decided(an_attempt(), at_s=10, seen=seen) == Look(tier=TIER_10S)


def test_silence_ends_without_a_dead_letter_when_no_send_could_follow() -> None:
    assert decided(an_attempt(at_s=170), at_s=171) == Finished(why="handed_over")


def test_chain_of_looks_ends() -> None:
    attempts: tuple[Attempt, ...] = (an_attempt(),)
    now, steps = START, 0
    while isinstance(decision := decide(attempts, Seen(), LIFE, now, POLICY), Look | Send):
        steps += 1
        if isinstance(decision, Look):
            now += decision.tier.delay + timedelta(milliseconds=50)
        else:
            attempts = (*attempts, replace(an_attempt(number=len(attempts) + 1), sent_at=now))

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
    assert decided(an_attempt(outcome), at_s=silent_for_s, route=route) == decision


@pytest.mark.parametrize("route", [UNKNOWN_HEALTH, BROKEN, FINE, SLOW, MUTE], ids=str)
def test_receipt_of_failure_is_sent_again_at_the_first_look_whatever_is_known_of_the_route(route: RouteHealth) -> None:
    seen = Seen(last_state=ReceiptState.UNDELIVERABLE)

    assert decided(an_attempt(), at_s=10, seen=seen, route=route) == Send(trigger="second_look")


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
    assert decided(replace(an_attempt(), probe=True), at_s=silent_for_s, route=route) == decision


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
    assert isinstance(decided(an_attempt(), at_s=10, seen=seen, route=BROKEN), Finished)


def test_rescue_keeps_to_the_life_and_to_the_number_of_attempts() -> None:
    assert decided(an_attempt(), at_s=180.1, route=BROKEN) == Finished(why="handed_over")
    assert decided(an_attempt(number=5, at_s=20), at_s=30, route=BROKEN) == Finished(why="handed_over")


def test_rescue_that_must_wait_is_looked_at_again_and_still_is_one() -> None:
    attempts, at = (an_attempt(),), START + timedelta(seconds=10)

    assert wait(RESCUE, attempts, LIFE, at, POLICY) == Look(tier=TIER_10S, waiting="second_look")
    assert decided(*attempts, at_s=20.1, route=BROKEN) == RESCUE


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
    decision = decided(replace(an_attempt(), probe=probe), at_s=at_s, route=route)

    if isinstance(decision, Finished):
        assert at_s + TIER_30S.delay.total_seconds() > 180
    if isinstance(decision, Send):
        assert at_s <= 180.001
        assert decision.rescue == route.broken

"""Which attempts count, and which one a second send replaces."""

from datetime import timedelta

import pytest

from pipeline.dispatch.attempts import anew, replaced
from pipeline.dispatch.decision import Dead, Seen, Send
from pipeline.dispatch.retry import decide
from pipeline.errors import DeadReason, Outcome
from pipeline.records import Sent
from tests.pipeline.dispatch.decisions import LIFE, POLICY, START, an_attempt, decided


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.UNAVAILABLE])
def test_attempt_that_a_provider_has_certainly_not_taken_up_does_not_count(outcome: Outcome) -> None:
    failed = tuple(an_attempt(outcome, number=number) for number in range(1, 20))

    assert decided(*failed, at_s=5) == Send(trigger="failover")


def test_attempts_are_counted() -> None:
    failed = tuple(an_attempt(Outcome.UNDELIVERABLE, number=number) for number in range(1, 6))

    decision = decided(*failed, at_s=5)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXHAUSTED


def test_resend_counts_as_an_attempt_however_many_of_them_are_at_hand() -> None:
    decision = decided(an_attempt(Outcome.UNDELIVERABLE, number=5), at_s=5)

    assert isinstance(decision, Dead)
    assert decision.reason is DeadReason.EXHAUSTED


def test_second_send_replaces_the_newest_attempt_that_a_provider_may_have() -> None:
    attempts = (an_attempt(), an_attempt(Outcome.UNKNOWN, number=2, at_s=10), an_attempt(Outcome.UNAVAILABLE, number=3))

    expected = Sent(number=2, provider="carrier-2", sent_at=START + timedelta(seconds=10), config="config")
    assert replaced(attempts) == expected
    assert replaced(attempts[2:]) is None


def test_redriven_request_has_as_many_attempts_again() -> None:
    spent = tuple(an_attempt(Outcome.UNDELIVERABLE, number=number) for number in range(1, POLICY.max_attempts + 1))
    policy = anew(POLICY, spent, POLICY.max_attempts)
    decisions = []
    for more in range(1, POLICY.max_attempts + 1):
        attempts = (*spent, *(an_attempt(Outcome.UNDELIVERABLE, number=len(spent) + n) for n in range(1, more + 1)))
        decisions.append(decide(attempts, Seen(), LIFE, START, policy))

    assert isinstance(decide(spent, Seen(), LIFE, START, POLICY), Dead)
    assert decide(spent, Seen(), LIFE, START, policy) == Send(trigger="failover")
    assert [isinstance(decision, Dead) for decision in decisions] == [False, False, False, False, True]

"""What the attempts of a request come to: how many count, and which one a second send replaces."""

from dataclasses import replace
from typing import Final

from pipeline.dispatch.refusals import as_sent
from pipeline.errors import HANDED_OVER, Outcome
from pipeline.records import Attempt, Sent
from pipeline.settings import DispatchSettings

# Nothing reached a phone and time may mend it: no such attempt counts, or a few seconds without any provider would use
# up all attempts of a code that lives for minutes. The breakers keep them few.
PASSING: Final = frozenset({Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.UNAVAILABLE})
AGAIN: Final = frozenset({"second_look", "resend"})  # triggers of second sends: something was handed over before


def counted(attempts: tuple[Attempt, ...]) -> int:
    """Count the attempts that use up the limit, by the newest one's number: not all of them need be at hand."""
    newest = attempts[-1].number if attempts else 0
    return newest - sum(attempt.outcome in PASSING for attempt in attempts)


def anew(policy: DispatchSettings, attempts: tuple[Attempt, ...], redriven: int) -> DispatchSettings:
    """Give the policy of a redriven request: it may have as many attempts again as it had before."""
    before = tuple(attempt for attempt in attempts if attempt.number <= redriven)
    return replace(policy, max_attempts=policy.max_attempts + counted(before))


def replaced(attempts: tuple[Attempt, ...]) -> Sent | None:
    """Give the newest of these attempts that a provider has, or may have, as the one that a second send replaces."""
    for last in reversed(attempts):
        if last.outcome in HANDED_OVER:
            return as_sent(last)
    return None

"""What one provider may be given: sends under way, sends a second, second sends of silent messages, and rescues.

These are counters of one process, told the time by their caller.
"""

from dataclasses import dataclass
from typing import Final

BURST_S: Final = 1.0  # a provider's limit per second is meant over this long
BUDGET_START: Final = 5.0  # second sends that a process may make before it has made any first ones
BUDGET_MOST: Final = 50.0  # unspent budget that is kept: an outage after a long calm is for routing, not for this


class SendLimit:
    """At most `in_flight` sends under way and `per_second` sends a second (a token bucket of one second)."""

    def __init__(self, in_flight: int, per_second: float | None) -> None:
        self._permits = in_flight
        self._per_second = per_second
        self._tokens = per_second or 0.0
        self._filled_at = 0.0
        self.in_flight = 0

    def acquire(self, now: float) -> bool:
        """Acquire a permit at this monotonic instant. False: none is free, try another provider."""
        if self.in_flight >= self._permits or not self._token(now):
            return False
        self.in_flight += 1
        return True

    def release(self, *, unused: bool = False) -> None:
        """Release the permit of a send that ended, or of one that was never begun."""
        self.in_flight -= 1
        if unused:
            self._tokens += 1.0

    def wait_s(self, now: float) -> float | None:
        """Give the seconds until a permit may be acquired. None: not before one of the sends ends."""
        if self.in_flight >= self._permits:
            return None
        self._fill(now)
        return max(1.0 - self._tokens, 0.0) / self._per_second if self._per_second else 0.0

    def _fill(self, now: float) -> None:
        per_second = self._per_second or 0.0
        earned = (now - self._filled_at) * per_second
        self._tokens = min(self._tokens + earned, max(per_second * BURST_S, 1.0))
        self._filled_at = now

    def _token(self, now: float) -> bool:
        if self._per_second is None:
            return True
        self._fill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def rescue_limit(in_flight: int, per_second: float | None, share: float) -> SendLimit:
    """Give what rescues from broken routes may take of the capacity of the provider that takes over."""
    return SendLimit(max(int(in_flight * share), 1), per_second * share if per_second else None)


@dataclass(slots=True)
class SecondSendBudget:
    """Second sends of messages that a provider took and was silent about: a share of the sends it was given."""

    share: float
    left: float = BUDGET_START
    refused: int = 0  # second sends, since the start

    def earn(self) -> None:
        """Note a send."""
        self.left = min(self.left + self.share, BUDGET_MOST)

    def spend(self) -> bool:
        """Take one second send from the budget. False: it is used up."""
        if self.left < 1.0:
            self.refused += 1
            return False
        self.left -= 1.0
        return True

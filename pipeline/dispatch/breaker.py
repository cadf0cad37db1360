"""Circuit breaker of one scope: closed, open, half-open. Time is passed in.

closed --5 failures in a row, or one that says so--> open --wait over--> half-open --success--> closed
                                                       ^                     |
                                                       +-----failure---------+   (the wait doubles, 1 s to 30 s)
"""

from dataclasses import dataclass, replace
from typing import Final

FAILURES: Final = 5  # in a row
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
PROBE_S: Final = 10.0  # a probe that has not answered by then frees its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is known of one scope. Instants are monotonic seconds."""

    failures: int = 0
    open_until: float | None = None  # none: closed
    wait_s: float = FIRST_WAIT_S  # of the next opening
    probe_until: float | None = None  # a probe is under way

    def allows(self, now: float) -> bool:
        """Tell whether a send may start: always when closed, one at a time when half-open, never when open."""
        if self.open_until is None:
            return True
        return now >= self.open_until and (self.probe_until is None or now >= self.probe_until)

    def starting(self, now: float) -> "Breaker":
        """Note that a send starts: in half-open it takes the place of the one probe."""
        return self if self.open_until is None else replace(self, probe_until=now + PROBE_S)

    def unprobed(self) -> "Breaker":
        """Note that no probe is under way."""
        return self if self.probe_until is None else replace(self, probe_until=None)

    def success(self) -> "Breaker":
        """Close it."""
        return CLOSED

    def failure(self, now: float, *, opens: bool = False, hold_s: float | None = None) -> "Breaker":
        """Count a failure. `opens`: at once, not by the count; `hold_s`: the wait that the provider asked for.

        A wait is kept once it is open, up to its longest: one that asks for a day would take the provider away for
        longer than any code lives.
        """
        failures = self.failures + 1
        if not opens and self.open_until is None and failures < FAILURES:
            return replace(self, failures=failures)
        hold_s = min(hold_s or 0.0, LONGEST_WAIT_S)
        if self.open_until is not None and now < self.open_until:  # sends that started before it opened
            return replace(self, open_until=max(self.open_until, now + hold_s))
        wait_s = max(self.wait_s, hold_s)
        longer_s = min(self.wait_s * 2, LONGEST_WAIT_S)
        return Breaker(failures=failures, open_until=now + wait_s, wait_s=longer_s)


CLOSED: Final = Breaker()

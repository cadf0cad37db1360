"""The states that a route may be in, each with what it does to receipts, entered codes and hand-overs.

A fault multiplies what the provider usually does. What a state is and how likely a fault begins as which one was
chosen in a simulator, where the result was flat in all of these figures.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One state: multiples of the provider's own rates, 1 where it does not touch them."""

    receipts: float = 1.0  # share of messages with a receipt of delivery
    entries: float = 1.0  # share of messages whose code is entered
    hand_overs: float = 1.0  # share of messages that the provider takes
    reports: bool = False  # failures are reported as such
    weight: float  # how likely a fault begins like this, beside the others

    @property
    def effect(self) -> float:
        """Give the multiple of messages that reach people."""
        return self.entries * self.hand_overs


NORMAL: Final = State(weight=0.0)
_SILENT: Final = {0.02: 0.35, 0.35: 0.05, 0.6: 0.10, 0.8: 0.05}
_REPORTED: Final = {0.02: 0.10, 0.35: 0.05, 0.6: 0.20, 0.8: 0.05}
_FAKED: Final = {0.02: 0.05, 0.6: 0.05}  # receipts look as usual
_REFUSED: Final = {0.02: 0.05, 0.6: 0.05}  # hand-overs fail
_UNREPORTED: Final = {0.02: 0.05}  # receipts are missing, and people enter their codes all the same

FAULTS: Final = (
    *(State(receipts=rest, entries=rest, weight=weight) for rest, weight in _SILENT.items()),
    *(State(receipts=rest, entries=rest, reports=True, weight=weight) for rest, weight in _REPORTED.items()),
    *(State(entries=rest, weight=weight) for rest, weight in _FAKED.items()),
    *(State(hand_overs=rest, weight=weight) for rest, weight in _REFUSED.items()),
    *(State(receipts=rest, weight=weight) for rest, weight in _UNREPORTED.items()),
)
STATES: Final = (NORMAL, *FAULTS)

MILD: Final = 0.5  # of what is usual: a fault that leaves less is no small loss


def _learned(state: State) -> float:
    if state is NORMAL:
        return 1.0
    return 0.1 if min(state.receipts, state.effect) >= MILD else 0.001


_WHOLE: Final = sum(state.weight for state in FAULTS)
ENTRY: Final = tuple(state.weight / _WHOLE for state in FAULTS)  # of each fault, when one begins
EFFECTS: Final = tuple(state.effect for state in STATES)
# How much a second in each state tells of what is usual. A small loss may be usual after all, a large one is not.
LEARNED: Final = tuple(_learned(state) for state in STATES)
HARMLESS: Final = tuple(float(state.effect == 1) for state in STATES)

Belief = list[float]  # a probability for each of STATES, 1 together


def healthy() -> Belief:
    """Give the belief before anything is known."""
    return [1.0, *(0.0 for _ in FAULTS)]

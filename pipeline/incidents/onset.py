"""When a fault began: the send second from which on less is heard than usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.incidents.measure import Count

RESTS: Final = (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)  # shares of the usual that a fault may leave

Series = Sequence[tuple[int, Count]]  # one sign, by send second, oldest first


@dataclass(frozen=True, slots=True)
class Onset:
    """The second, and how much likelier a fault since then is than none (log)."""

    second: int
    gain: float


def find_onset(series: Series) -> Onset | None:
    """Give the likeliest second in which a fault began; none where the usual explains everything best.

    Each second is a binomial: of its messages the usual share shows the sign by now, or a rest of that.
    """
    found = [_latest(series, rest) for rest in RESTS]
    best = max(found, key=lambda onset: onset.gain)
    return best if best.gain > 0 else None


def _latest(series: Series, rest: float) -> Onset:
    """Go back from the end, and stop in mind where a fault that leaves this rest explains most."""
    best, gain = Onset(0, 0.0), 0.0
    for second, count in reversed(series):
        gain += count.says_of_each(rest)
        if gain > best.gain:
            best = Onset(second, gain)
    return best

"""How well each state explains what was heard of the messages of some seconds, by their age."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

from pipeline.evidence.routes import Heard
from pipeline.routing.memory import REPORTED
from pipeline.routing.states import STATES, State

# The seconds that are looked at again each time, as (oldest, youngest) age in whole seconds, oldest first: one by one
# while receipts are rare, in groups when most have come.
AGES: Final = (
    *((age + 4, age) for age in range(55, 19, -5)),
    *((age + 1, age) for age in range(18, 11, -2)),
    *((age, age) for age in range(11, -1, -1)),
)
SETTLED_S: Final = 60  # a second of this age is counted for good
REPORTED_SHARE: Final = 0.5  # of the failures, in a fault that reports them
USUALLY_REFUSED: Final = 0.01  # of hand-overs
# People who ask for another message, of those who got theirs and of those who did not: one says little, five a lot.
ASKS_ANYWAY: Final = 0.02
ASKS_IN_VAIN: Final = 0.3
USUALLY_LOST: Final = 0.05
LEAST_LOG: Final = -50.0  # no state is ever ruled out
LEAST: Final = exp(LEAST_LOG)
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a route does while it is normal, and which of its signals mean something."""

    receipts: float
    failures: float
    entries: float
    receipts_come: Sequence[float]  # share that has come by the end of each second after the send
    entries_come: Sequence[float]
    use_receipts: bool
    use_entries: bool
    miss_entries: bool  # those that are missing mean something, too


Row = tuple[float, float, float, float, float]  # of one state: log-likelihood of a message that was sent, delivered,
# failed, due to be entered, and entered


class Judge:
    """How well each of STATES explains what was heard of messages of one age. The same again costs nothing."""

    __slots__ = ("_known", "_rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._known: dict[Heard, list[float]] = {}

    def likelihood(self, heard: Heard) -> list[float]:
        """Give the likelihood of each state, the largest being 1."""
        known = self._known.get(heard)
        if known is None:
            known = self._known[heard] = self._work_out(heard)
        return known

    def _work_out(self, heard: Heard) -> list[float]:
        sent, delivered, failed, creditable, verified, refused, missed = heard
        logs = [sent * a + delivered * b + failed * c + creditable * d + verified * e for a, b, c, d, e in self._rows]
        if refused or missed:
            logs = [x + refused * y + missed * z for x, y, z in zip(logs, _REFUSED, _MISSED, strict=True)]
        most = max(logs)
        return [exp(x - most) if x - most > LEAST_LOG else LEAST for x in logs]


def judges(usual: Usual, ages: Sequence[tuple[int, int]]) -> list[Judge]:
    """Make one for messages of each of these ages, oldest and youngest, in seconds."""
    shares = [_shares(state, usual) for state in STATES]
    come = [(_between(usual.receipts_come, *age), _between(usual.entries_come, *age)) for age in ages]
    return [Judge(_rows(usual, shares, receipts, entries)) for receipts, entries in come]


def _shares(state: State, usual: Usual) -> tuple[float, float, float]:
    """Give the shares of messages that are reported delivered, reported failed, and entered, in the end."""
    return usual.receipts * state.receipts, _failures(state, usual), usual.entries * state.entries


def _rows(usual: Usual, shares: Sequence[tuple[float, float, float]], receipts: float, entries: float) -> list[Row]:
    """Make the rows for an age at which these shares of receipts and entries have come."""
    of = []
    for taken, (heard, refuted, entered) in zip(_TAKEN, shares, strict=True):
        sent, delivered, failed, creditable, verified = taken, 0.0, 0.0, 0.0, 0.0
        if usual.use_receipts:
            silent = log(max(1 - (heard + refuted) * receipts, _LEAST))
            delivered = log(heard * receipts + _LEAST) - silent
            failed = log(refuted * receipts + _LEAST) - silent
            sent += silent
        if usual.use_entries and usual.miss_entries:
            creditable = log(max(1 - entered * entries, _LEAST))
            verified = log(entered * entries + _LEAST) - creditable
        elif usual.use_entries:
            verified = log(entered / usual.entries)
        of.append((sent, delivered, failed, creditable, verified))
    return of


def _failures(state: State, usual: Usual) -> float:
    """Give the share of messages with a receipt of failure."""
    by_chance = usual.failures * state.receipts
    if not state.reports:
        return by_chance
    lost = 1 - state.receipts * min(1.0, usual.receipts / REPORTED)
    return min(max(by_chance, REPORTED_SHARE * lost), 1 - usual.receipts * state.receipts)


def _asks_again(effect: float) -> float:
    return ASKS_ANYWAY * effect + ASKS_IN_VAIN * (1 - effect)


def _between(come: Sequence[float], oldest: int, youngest: int) -> float:
    return sum(come[youngest : oldest + 1]) / (oldest + 1 - youngest)


_TAKEN: Final = [log(state.hand_overs * (1 - USUALLY_REFUSED)) for state in STATES]
_REFUSED: Final = [log(1 - state.hand_overs * (1 - USUALLY_REFUSED)) for state in STATES]
_MISSED: Final = [
    log(_asks_again(state.entries * (1 - USUALLY_LOST)) / _asks_again(1 - USUALLY_LOST)) for state in STATES
]

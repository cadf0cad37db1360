"""Receipts and entered codes that should have come by now, beside those that have."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

from pipeline.evidence import RouteEvidence
from pipeline.routing.model import RouteModel

WINDOWS_S: Final = (8, 15, 30, 60)
ENOUGH: Final = 5.0  # due receipts for which a short window is long enough
FEW: Final = 2.0  # due entries of which none may be missing by chance
BROKEN_REST: Final = 0.02  # of what is due still comes in the worst fault


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was due of some seconds, and what of it was heard."""

    due: float  # as many as would have come by now in normal times
    seen: int
    window_s: int

    def __add__(self, other: "Hearing") -> "Hearing":
        return Hearing(self.due + other.due, self.seen + other.seen, max(self.window_s, other.window_s))

    @property
    def says_broken(self) -> float:
        """Give the log of how much likelier it is in the worst fault than in normal times (Poisson)."""
        return self.due * (1 - BROKEN_REST) + self.seen * log(BROKEN_REST)

    @property
    def gone(self) -> bool:
        """Tell whether nothing comes any more of what should."""
        return self.due >= FEW and self.seen == 0


SILENCE: Final = Hearing(0.0, 0, 0)


Hear = Callable[[RouteModel, RouteEvidence, int], Hearing]


def receipts(model: RouteModel, evidence: RouteEvidence, now: int) -> Hearing:
    """Give the receipts of a route in the shortest window that says enough."""
    usual = model.usual_receipts if model.reports else 0.0
    return _hearing(Awaited(model.receipts_come, usual, "sent", "delivered"), evidence, now)


def entries(model: RouteModel, evidence: RouteEvidence, now: int) -> Hearing:
    """Give the entered codes of a route."""
    usual = model.memory.entries if model.entered else 0.0
    return _hearing(Awaited(model.entries_come, usual, "creditable", "verified"), evidence, now)


def together(hearings: Iterable[Hearing]) -> Hearing:
    """Add them up."""
    return sum(hearings, SILENCE)


class Awaited(NamedTuple):
    """What is awaited of each message."""

    come: Sequence[float]  # share that has come by the end of each second after that of the send
    usual: float  # share of messages of which it comes at all
    of: str  # the field of Heard that counts the messages
    comes: str  # the field that counts what has come


def _hearing(awaited: Awaited, evidence: RouteEvidence, now: int) -> Hearing:
    if not awaited.come or not awaited.usual:
        return Hearing(0.0, 0, WINDOWS_S[0])
    due, seen, newest = 0.0, 0, 0
    for window_s in WINDOWS_S:
        for age in range(newest, window_s):
            if heard := evidence.heard(now - age, now - age):
                due += getattr(heard, awaited.of) * awaited.come[age] * awaited.usual
                seen += getattr(heard, awaited.comes)
        newest = window_s
        if due >= ENOUGH:
            break
    return Hearing(due, seen, newest)

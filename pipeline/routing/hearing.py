"""Receipts and entered codes that should have come by now, beside those that have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

from pipeline.evidence.routes import RouteEvidence
from pipeline.routing.model import RouteModel

WINDOWS_S: Final = (8, 15, 30, 60)
ENOUGH: Final = 5.0  # due receipts for which a short window is long enough
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


SILENCE: Final = Hearing(0.0, 0, 0)


def receipts(model: RouteModel, evidence: RouteEvidence, now: int) -> Hearing:
    """Give the receipts of a route in the shortest window that says enough."""
    return _hearing(_receipts(model), evidence, now)


def entries_since(model: RouteModel, evidence: RouteEvidence, now: int, since: int) -> Hearing:
    """Give the entered codes of the messages that were sent after a second."""
    return _since(_entries(model), evidence, now, since)


def all_since(model: RouteModel, evidence: RouteEvidence, now: int, since: int) -> Hearing:
    """Give receipts and entered codes of the messages that were sent after a second."""
    return _since(_receipts(model), evidence, now, since) + entries_since(model, evidence, now, since)


def together(hearings: Iterable[Hearing]) -> Hearing:
    """Add them up."""
    return sum(hearings, SILENCE)


class Awaited(NamedTuple):
    """What is awaited of each message."""

    come: Sequence[float]  # share that has come by the end of each second after that of the send
    usual: float  # share of messages of which it comes at all
    of: str  # the field of Heard that counts the messages
    comes: str  # the field that counts what has come


def _receipts(model: RouteModel) -> Awaited:
    return Awaited(model.receipts_come, model.usual_receipts if model.reports else 0.0, "sent", "delivered")


def _entries(model: RouteModel) -> Awaited:
    return Awaited(model.entries_come, model.memory.entries if model.entered else 0.0, "creditable", "verified")


def _since(awaited: Awaited, evidence: RouteEvidence, now: int, since: int) -> Hearing:
    due, seen = _sum(awaited, evidence, now, 0, now - since) if awaited.usual else (0.0, 0)
    return Hearing(due, seen, now - since)


def _hearing(awaited: Awaited, evidence: RouteEvidence, now: int) -> Hearing:
    if not awaited.come or not awaited.usual:
        return Hearing(0.0, 0, WINDOWS_S[0])
    due, seen, youngest = 0.0, 0, 0
    for window_s in WINDOWS_S:
        more_due, more_seen = _sum(awaited, evidence, now, youngest, window_s)
        due, seen, youngest = due + more_due, seen + more_seen, window_s
        if due >= ENOUGH:
            break
    return Hearing(due, seen, youngest)


def _sum(awaited: Awaited, evidence: RouteEvidence, now: int, youngest: int, oldest: int) -> tuple[float, int]:
    """Sum up what is due and what has come of messages from one age to below another."""
    due, seen = 0.0, 0
    for age in range(youngest, min(oldest, len(awaited.come))):
        if heard := evidence.heard(now - age, now - age):
            due += getattr(heard, awaited.of) * awaited.come[age] * awaited.usual
            seen += getattr(heard, awaited.comes)
    return due, seen

"""What a route usually does, learned slowly and almost only while it is normal."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from pipeline.evidence.routes import Heard

HALF_LIFE_S: Final = 1800.0
REPORTED: Final = 0.97  # share of deliveries that carriers report: one in 33 receipts is lost
MOST_RECEIPTS: Final = 0.995
PRIOR_WEIGHT: Final = 10.0  # messages that the guesses count as
PRIOR_RECEIPTS: Final = 0.9
PRIOR_FAILURES: Final = 0.02
PRIOR_ENTRIES: Final = 0.8
LEAST_ENTERING: Final = 0.05  # share of people who enter their code; less says nothing

NOTHING_HEARD: Final = Heard(0, 0, 0, 0, 0, 0, 0)
_KEPT: Final = 0.5 ** (1 / HALF_LIFE_S)  # each second


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is guessed of a route before it is known, from its other countries."""

    receipts: float = PRIOR_RECEIPTS
    weight: float = PRIOR_WEIGHT


@dataclass(slots=True)
class Memory:
    """Decayed sums of settled messages, weighted by how normal the route was."""

    sent: float = 0.0
    due: float = 0.0  # of the sent, less those whose receipt may still come
    delivered: float = 0.0
    failed: float = 0.0
    creditable: float = 0.0
    verified: float = 0.0

    def learn(self, heard: Heard | None, weight: float, come: float) -> None:
        """Note a settled second: its messages, how much it tells, the share of receipts that have come."""
        sent, delivered, failed, creditable, verified, *_ = heard or NOTHING_HEARD
        self.sent = self.sent * _KEPT + weight * sent
        self.due = self.due * _KEPT + weight * sent * come
        self.delivered = self.delivered * _KEPT + weight * delivered
        self.failed = self.failed * _KEPT + weight * failed
        self.creditable = self.creditable * _KEPT + weight * creditable
        self.verified = self.verified * _KEPT + weight * verified

    def receipts(self, prior: Prior) -> float:
        """Give the usual share of messages with a receipt of delivery."""
        share = (self.delivered + prior.weight * prior.receipts) / (self.due + prior.weight)
        return min(share, MOST_RECEIPTS)

    @property
    def failures(self) -> float:
        """Give the usual share of messages with a receipt of failure."""
        return (self.failed + PRIOR_FAILURES * PRIOR_WEIGHT) / (self.due + PRIOR_WEIGHT)

    @property
    def entries(self) -> float:
        """Give the usual share of messages whose code is entered."""
        return min((self.verified + PRIOR_ENTRIES * PRIOR_WEIGHT) / (self.creditable + PRIOR_WEIGHT), MOST_RECEIPTS)

    def enters(self, entering: float) -> tuple[float, float]:
        """Give what `delivers` gives, judged by entered codes: `entering` is the share of people who enter theirs."""
        weight = self.creditable + PRIOR_WEIGHT
        share = min(self.entries / max(entering, self.entries, LEAST_ENTERING), 1.0)
        return share * PRIOR_RECEIPTS / REPORTED, sqrt(share * (1 - share) / weight + 1 / weight**2)

    def delivers(self, prior: Prior, due: float = 0.0, delivered: float = 0.0) -> tuple[float, float]:
        """Give the usual share of messages that are delivered, and the standard deviation of that.

        It is judged by receipts; those due and delivered that are not settled yet are added.
        """
        weight = self.due + due + prior.weight
        receipts = min((self.delivered + delivered + prior.weight * prior.receipts) / weight, MOST_RECEIPTS)
        return min(receipts / REPORTED, 1.0), sqrt(receipts * (1 - receipts) / weight) / REPORTED

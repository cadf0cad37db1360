"""Three signs of life of some messages: what of each was due by now, and what was seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, chain
from math import log
from typing import Final

from pipeline.evidence.routes import Bucket, RejectedReceipts

HALF: Final = 0.5  # of the usual: a count is judged by whether it is likelier than the usual
GONE: Final = 0.02
CLEAR: Final = 3.0  # log odds from which on a count has fallen, and under the negative of which it is as usual

LEAST: Final = 1e-6  # nothing is impossible, and nothing certain
MOST: Final = 0.999
SURE: Final = 6.0  # log odds where there is reason to doubt


class Sign(StrEnum):
    """What tells that a message lives, in the order of its life."""

    HAND_OVERS = "hand-overs"  # the provider took it
    RECEIPTS = "receipts"  # the provider says that it was delivered
    ENTRIES = "entries"  # the person entered its code


ARRIVALS: Final = (Sign.RECEIPTS, Sign.ENTRIES)  # what tells that it came to the person


@dataclass(slots=True)
class Count:
    """One sign of some messages."""

    sent: int = 0
    come: float = 0.0  # of the sent: as many as are old enough to have shown it
    due: float = 0.0  # as many as would have shown it by now in usual times
    seen: int = 0

    def add(self, sent: int, come: float, usual: float, seen: int) -> None:
        """Add messages of one age: the share that is old enough, and the share that shows the sign in the end."""
        self.sent += sent
        self.come += sent * come
        self.due += sent * come * usual
        self.seen += seen

    def merge(self, other: "Count") -> None:
        """Add another count."""
        self.sent += other.sent
        self.come += other.come
        self.due += other.due
        self.seen += other.seen

    def says(self, rest: float) -> float:
        """Give the log odds that this rest of the usual comes against the usual (Poisson)."""
        return self.due * (1 - rest) + self.seen * log(rest)

    def says_of_each(self, rest: float) -> float:
        """Give the same where each message has shown the sign or never will (binomial): a refusal is no silence."""
        if not self.sent or not self.due:
            return 0.0
        usual = min(max(self.due / self.sent, LEAST), MOST)
        seen = min(self.seen, self.sent)
        return seen * log(rest) + (self.sent - seen) * log((1 - rest * usual) / (1 - usual))

    @property
    def says_fallen(self) -> float:
        """Give the log odds that half of the usual comes against the usual."""
        return self.says(HALF)

    @property
    def fallen(self) -> bool:
        """Tell whether clearly less is seen than usual."""
        return self.says_fallen >= CLEAR

    @property
    def fine(self) -> bool:
        """Tell whether clearly as much is seen as usual."""
        return self.says_fallen <= -CLEAR

    @property
    def usual(self) -> float:
        """Give the share of the messages that shows it in usual times."""
        return self.due / self.come if self.come else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What a message of a route shows in usual times: the share that does, and the share of those by each age."""

    receipts: float  # 0: its receipts say nothing
    entries: float  # 0: so do entered codes
    asks: float  # people who ask for another message
    receipts_come: Sequence[float]  # by the end of each second after the send
    entries_come: Sequence[float]


def says_fallen_since_ever(series: Sequence[Count], says: Callable[[Count, float], float] = Count.says) -> float:
    """Give the log odds that half of the usual comes, or next to nothing, since whenever that explains most."""
    sums = (accumulate(says(count, rest) for count in reversed(series)) for rest in (HALF, GONE))
    return max(chain.from_iterable(sums), default=0.0)


TAKEN: Final = 0.99  # of hand-overs, in usual times


@dataclass(slots=True)
class Measure:
    """All signs of some messages."""

    hand_overs: Count = field(default_factory=Count)
    receipts: Count = field(default_factory=Count)
    entries: Count = field(default_factory=Count)
    asks: Count = field(default_factory=Count)  # no sign of life: people ask for another message
    denied: int = 0  # of the hand-overs

    def add(self, bucket: Bucket, age: int, lens: Lens, rejected: RejectedReceipts) -> None:
        """Add the messages of one send second, of an age in whole seconds."""
        age = min(max(age, 0), len(lens.receipts_come) - 1)
        delivered = bucket.delivered + rejected.recipients
        sent = max(bucket.accepted - rejected.nobody, delivered + bucket.failed)
        self.hand_overs.add(bucket.accepted + bucket.refused, 1.0, TAKEN, bucket.accepted)
        self.receipts.add(sent, lens.receipts_come[age], lens.receipts, delivered)
        creditable = max(bucket.creditable - rejected.recipients - rejected.nobody, bucket.verified)
        self.entries.add(creditable, lens.entries_come[age], lens.entries, bucket.verified)
        self.asks.add(sent, lens.entries_come[age], lens.asks, bucket.missed)
        self.denied += bucket.denied

    def merge(self, other: "Measure") -> None:
        """Add another measure."""
        self.hand_overs.merge(other.hand_overs)
        self.receipts.merge(other.receipts)
        self.entries.merge(other.entries)
        self.asks.merge(other.asks)
        self.denied += other.denied

    def of(self, sign: Sign) -> Count:
        """Give one sign."""
        if sign is Sign.HAND_OVERS:
            return self.hand_overs
        return self.receipts if sign is Sign.RECEIPTS else self.entries

    @property
    def fallen(self) -> bool:
        """Tell whether any sign has fallen."""
        return any(self.of(sign).fallen for sign in Sign)

    @property
    def fine(self) -> bool:
        """Tell whether a sign of arrival is as usual and none has fallen."""
        return (self.receipts.fine or self.entries.fine) and not self.fallen

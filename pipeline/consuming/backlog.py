"""What was fetched and is not started: fair between partitions, due times, high and low water.

Pure bookkeeping of the consume loop: which record is started next, when to look again, which partitions have had
enough for now. A partition whose first record is not due, or which is held, never stands in the way of another.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from pipeline.consuming.offsets import Commit, Offsets


class Partition(NamedTuple):
    """One partition of a topic. A tuple, because it is hashed for every record."""

    topic: str
    number: int


class Item(Protocol):
    """What the backlog needs to know of a record."""

    @property
    def offset(self) -> int:
        """Give its place in the log."""
        ...

    @property
    def timestamp_ms(self) -> int:
        """Give the instant of its append, by the broker's clock."""
        ...

    @property
    def nothing(self) -> bool:
        """Tell whether it stands for a place in the log without a record."""
        ...


T = TypeVar("T", bound=Item)


@dataclass(slots=True, kw_only=True, eq=False)
class Share(Generic[T]):
    """One partition while it is ours."""

    partition: Partition
    offsets: Offsets
    delay_s: float  # how long after its append a record is due
    committed: Commit | None
    waiting: deque[T] = field(default_factory=deque)
    full: bool = False  # above the high water mark, and not yet below the low one
    held: bool = False  # until somebody releases it
    leaving: bool = False  # nothing of it is started any more
    queued: bool = False
    due_at: float | None = None  # of the first record, while that is not due

    def uncommitted(self) -> Commit | None:
        """Give what has changed since the last commit."""
        commit = self.offsets.commit()
        return None if commit == self.committed else commit


class Backlog(Generic[T]):
    """The shares of all our partitions, and the order in which their records are started.

    `high` and `low` are water marks in records per partition. Instants are seconds of the broker's clock.
    """

    def __init__(self, *, high: int, low: int, delays_s: Mapping[str, float]) -> None:
        self._high = high
        self._low = low
        self._delays_s = delays_s
        self._ready: deque[Share[T]] = deque()
        self._early: set[Partition] = set()  # those whose first record is not due
        self.shares: dict[Partition, Share[T]] = {}
        self.relieved: list[Partition] = []  # partitions that were full and can take more; the reader empties it

    def assign(self, partition: Partition, committed: Commit | None) -> None:
        """Begin a share from what the group has committed for it."""
        delay_s = self._delays_s.get(partition.topic, 0.0)
        self.shares[partition] = Share(
            partition=partition, offsets=Offsets(committed), delay_s=delay_s, committed=committed
        )

    def leave(self, partitions: Iterable[Partition]) -> None:
        """Start nothing more of these partitions. What is in hand can still be finished and committed."""
        for partition in partitions:
            if share := self.shares.get(partition):
                share.leaving = True
                share.waiting.clear()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """End these shares."""
        for partition in partitions:
            self.shares.pop(partition, None)
            self._early.discard(partition)

    def put(self, partition: Partition, records: Iterable[T]) -> bool:
        """Add what was fetched, in the order of the log. True: the partition has just become full."""
        share = self.shares[partition]
        if share.leaving:
            return False
        share.waiting.extend(records)
        self.stir(share)
        became_full = not share.full and len(share.waiting) >= self._high
        share.full = share.full or became_full
        return became_full

    def next(self, now: float) -> tuple[Share[T], T] | None:
        """Give the record to start now, the partitions taking turns; None when there is none."""
        while self._ready:
            share = self._ready.popleft()
            share.queued = False
            record = self._first(share, now)
            if record is not None:
                self.stir(share)
                return share, record
        return None

    def stir(self, share: Share[T]) -> None:
        """Look at a share again at the next turn, because something about it has changed."""
        if share.waiting and not share.queued and not share.held:
            share.queued = True
            self._ready.append(share)

    def wake(self) -> None:
        """Look again at every share whose first record was not due."""
        for partition in self._early:
            self.stir(self.shares[partition])

    def wake_at(self) -> float | None:
        """Give the instant at which the next first record is due."""
        instants = (self.shares[partition].due_at for partition in self._early)
        return min((instant for instant in instants if instant is not None), default=None)

    def hold(self, partition: Partition) -> None:
        """Start nothing of a partition until it is released."""
        self.shares[partition].held = True

    def release(self, partition: Partition) -> None:
        """Undo a hold."""
        share = self.shares[partition]
        share.held = False
        self.stir(share)

    def _first(self, share: Share[T], now: float) -> T | None:
        """Take the first record of a share that is due, not finished already, and fits into the map."""
        if share.due_at is not None:
            share.due_at = None
            self._early.discard(share.partition)
        while share.waiting and not share.held:
            record = share.waiting[0]
            if share.delay_s and not record.nothing and (due_at := record.timestamp_ms / 1000 + share.delay_s) > now:
                share.due_at = due_at
                self._early.add(share.partition)
                return None
            if not share.offsets.fits(record.offset):
                return None
            share.waiting.popleft()
            self._ebb(share)
            if share.offsets.take(record.offset) and not record.nothing:
                return record
            if record.nothing:
                share.offsets.finish(record.offset)
        return None

    def _ebb(self, share: Share[T]) -> None:
        if share.full and len(share.waiting) <= self._low:
            share.full = False
            self.relieved.append(share.partition)

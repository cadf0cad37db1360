"""What the parts of the statistics see of Kafka and of each other."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.evidence.routes import Source
from pipeline.evidence.tallying import PartitionCounts
from workers.loop import Record

Done = Callable[[], object]


class Clock(Protocol):
    """The broker's time."""

    @property
    def error_s(self) -> float:
        """How wrong it may be; infinite before it is known."""
        ...

    def epoch_s(self) -> float:
        """Give seconds since 1970."""
        ...

    def witness(self, stamp_ms: int) -> None:
        """Learn from a record that was read: the broker's time is not before its stamp."""
        ...

    def now(self) -> datetime:
        """Give aware UTC."""
        ...


class Producer(Protocol):
    """Who takes records for topics."""

    @property
    def clock(self) -> Clock:
        """The broker's time."""
        ...

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[None]:
        """Produce a record; what is given ends when the topic has it, and does not while the broker is away."""
        ...


class Broker(Protocol):
    """What is counted of the sources, and what the broker says of them. Questions raise BrokerAway."""

    counts: dict[Source, PartitionCounts]

    async def find(self) -> None:
        """Find partitions that are new."""
        ...

    async def ends(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """Tell the offsets of the next records."""
        ...

    async def told(self) -> int:
        """Tell the offset after the last tally, 0 when there is none."""
        ...

    async def begin(self, sources: Collection[Source]) -> int:
        """Let partitions that nobody has told of begin where the group begins to read them.

        Gives how many records were deleted before anybody counted them.
        """
        ...


class Reader(Protocol):
    """Who reads topics from their beginning."""

    async def fetch(self) -> Sequence[Record]:
        """Give what is there, waiting a moment for it."""
        ...


class Taker(Protocol):
    """Who takes the events of the stream."""

    async def take(self, source: Source, offset: int, appended_at: float, value: bytes | None, done: Done) -> None:
        """Take one record; `done` lets its offset be committed. An error ends the process."""
        ...

    async def skip(self, source: Source, first: int, last: int, done: Done) -> None:
        """Take it that there is no record from the first to the last of some offsets. An error ends the process."""
        ...

    def assigned(self, sources: Collection[Source]) -> None:
        """Learn which partitions are ours from now on."""
        ...

    def revoked(self) -> None:
        """Learn that none is, until the next assignment."""
        ...

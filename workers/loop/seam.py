"""What the loop sees of Kafka."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from pipeline.consuming.backlog import Partition
from pipeline.consuming.offsets import Commit


class Record(Struct, frozen=True, kw_only=True):
    """One record as it was fetched. Its bytes never show in its `repr`."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int  # of its append, by the broker's clock
    headers: Sequence[tuple[str, bytes]] = ()
    nothing: bool = False  # there is no record for us up to its offset: a marker, or nothing that was ever committed
    unreadable: str | None = None  # why the batch that was there cannot be opened; `nothing` then holds, too

    def __repr__(self) -> str:
        return f"Record({self.topic}/{self.partition}/{self.offset})"


Revoked = Callable[[Collection[Partition]], Awaitable[None]]


class Consumer(Protocol):
    """A member of a consumer group."""

    async def start(self, revoked: Revoked, assigned: Callable[[], None]) -> None:
        """Join the group. Waits while the broker is away.

        `revoked` is awaited before partitions are given up, `assigned` is called when a new assignment begins: all
        its partitions are then fetched from what is committed.
        """
        ...

    async def fetch(self) -> Mapping[Partition, Sequence[Record]]:
        """Give what is there, waiting a moment for it. Never cancelled while the consumer runs. Errors are fatal."""
        ...

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, Commit]:
        """Read what the group has committed, leaving out what it has not. Raises BrokerAway."""
        ...

    async def commit(self, commits: Mapping[Partition, Commit]) -> None:
        """Commit. Raises CommitRefused and BrokerAway; may wait for the broker for as long as it is let."""
        ...

    def pause(self, partition: Partition) -> None:
        """Fetch nothing more of a partition; nothing happens when it is not ours."""
        ...

    def resume(self, partition: Partition) -> None:
        """Fetch it again; nothing happens when it is not ours."""
        ...

    async def lag(self) -> Mapping[Partition, int]:
        """Ask the broker how many records of each of our partitions are not fetched yet. Raises BrokerAway."""
        ...

    async def stop(self) -> None:
        """Leave the group, within a bounded time."""
        ...

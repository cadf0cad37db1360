"""A consumer whose log, group and broker do what a test says, and a handler that ends when a test says."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pipeline.consuming.offsets import Commit
from pipeline.errors import BrokerAway, CommitRefused, DeadReason, InvalidMessage
from workers.loop import Limits, Loop, Partition, Record
from workers.loop.seam import Revoked

A, B = Partition("requests", 0), Partition("requests", 1)
QUICK = Limits(commit_every_s=0.01, drain_s=0.2, commit_timeout_s=0.1, watchdog_s=60.0)


class ScriptedConsumer:
    """A group of one member, on a log in memory."""

    def __init__(self) -> None:
        self.log: dict[Partition, list[Record]] = {}
        self.fetched: dict[Partition, int] = {}
        self.commits: dict[Partition, Commit] = {}
        self.paused: set[Partition] = set()
        self.away = False
        self.refusing = False
        self.stopped = False
        self.answering = asyncio.Event()  # a fetch is answered while it is set
        self.answering.set()
        self._news = asyncio.Event()
        self._assigned: Callable[[], None] = lambda: None

    def assign(self, *partitions: Partition) -> None:
        for partition in partitions:
            self.fetched[partition] = self.commits.get(partition, Commit(position=0)).position
        self._assigned()
        self._news.set()

    async def rebalance(self, *partitions: Partition) -> None:
        """Take all partitions away, and then give these."""
        revoked, self.fetched = self.fetched, {}
        await self._revoked(revoked.keys())
        self.paused.clear()
        self.assign(*partitions)

    def append(self, partition: Partition, count: int, *, age_s: float = 0.0) -> None:
        log = self.log.setdefault(partition, [])
        stamp_ms = int((time.time() - age_s) * 1000)
        for _ in range(count):
            log.append(
                Record(
                    topic=partition.topic,
                    partition=partition.number,
                    offset=len(log),
                    key=None,
                    value=b"",
                    timestamp_ms=stamp_ms,
                )
            )
        self._news.set()

    async def start(self, revoked: Revoked, assigned: Callable[[], None]) -> None:
        self._revoked = revoked
        self._assigned = assigned
        if self.fetched:
            assigned()

    async def fetch(self) -> Mapping[Partition, Sequence[Record]]:
        await self.answering.wait()
        batch = self._batch()
        if not batch:
            self._news.clear()
            await asyncio.wait([asyncio.ensure_future(self._news.wait())], timeout=0.005)
            batch = self._batch()
        for partition, records in batch.items():
            self.fetched[partition] += len(records)
        return batch

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, Commit]:
        if self.away:
            raise BrokerAway("scripted")
        return {partition: self.commits[partition] for partition in partitions if partition in self.commits}

    async def commit(self, commits: Mapping[Partition, Commit]) -> None:
        if self.away:
            await asyncio.Event().wait()
        if self.refusing:
            raise CommitRefused("scripted")
        self.commits.update(commits)

    def pause(self, partition: Partition) -> None:
        self.paused.add(partition)

    def resume(self, partition: Partition) -> None:
        self.paused.discard(partition)
        self._news.set()

    async def lag(self) -> Mapping[Partition, int]:
        if self.away:
            raise BrokerAway("scripted")
        return {partition: len(self.log.get(partition, ())) - at for partition, at in self.fetched.items()}

    async def stop(self) -> None:
        self.stopped = True

    def _batch(self) -> dict[Partition, list[Record]]:
        if self.away:
            return {}
        news = {partition: self.log.get(partition, [])[at : at + 100] for partition, at in self.fetched.items()}
        return {partition: records for partition, records in news.items() if records and partition not in self.paused}


class Hands:
    """A handler whose records end when a test releases them, with the outcome that the test wants."""

    def __init__(self, *, held: bool = False) -> None:
        self.started: list[tuple[Partition, int]] = []
        self.buried: list[tuple[int, Exception]] = []
        self.outcomes: dict[int, Exception] = {}  # offset -> what its handling raises
        self._held = held
        self._ends: dict[tuple[Partition, int], asyncio.Event] = {}

    async def handle(self, record: Record) -> None:
        place = Partition(record.topic, record.partition), record.offset
        self.started.append(place)
        if self._held:
            await self._ends.setdefault(place, asyncio.Event()).wait()
        if record.offset in self.outcomes:
            raise self.outcomes[record.offset]

    async def dead_letter(self, record: Record, error: Exception) -> None:
        self.buried.append((record.offset, error))

    def end(self, partition: Partition, offsets: Iterable[int]) -> None:
        for offset in offsets:
            self._ends.setdefault((partition, offset), asyncio.Event()).set()

    def offsets(self, partition: Partition) -> list[int]:
        return [offset for where, offset in self.started if where == partition]


def invalid(source: str | None = None) -> InvalidMessage:
    return InvalidMessage(DeadReason.INVALID_FIELD, "a field", source=source)


def faults(count: int, *sources: str | None) -> dict[int, Exception]:
    """Let the first records fail, the sources taking turns."""
    return {offset: invalid(sources[offset % len(sources)]) for offset in range(count)}


async def until(condition: Callable[[], Any], limit_s: float = 5.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.001)


def loop_of(consumer: ScriptedConsumer, hands: Hands, limits: Limits = QUICK, **more: Any) -> Loop:
    return Loop(consumer, hands.handle, hands.dead_letter, now=time.time, limits=limits, **more)


@asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[asyncio.Task[None]]:
    """Run a loop, and stop it politely in the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(loop.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task

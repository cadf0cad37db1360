"""A dispatcher that kills itself at one point of one record: `python -m tests.faults.crashing_dispatcher POINT NTH`."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Never

from pipeline.consuming.backlog import Partition
from pipeline.consuming.offsets import Commit
from pipeline.records.topics import ATTEMPTS, DEAD, RETRY_TIERS
from workers.cli.invocation import Invocation
from workers.dispatch import process
from workers.dispatch.dispatcher import Dispatcher
from workers.kafka import KafkaConsumer, KafkaProducer
from workers.log import configure
from workers.loop import Record
from workers.state.claiming import Claim
from workers.state.claims import Claims

FOLLOW_UPS: Final = frozenset(topic.name for topic in (*RETRY_TIERS, DEAD))


class Point(StrEnum):
    """Where it dies, in the order of effects."""

    ANSWERED = "answered"  # the provider has answered, the outcome is not in the row
    STORED = "stored"  # the outcome is in the row, there is no attempt record
    RECORDED = "recorded"  # the attempt record is acknowledged, there is no retry and no dead letter
    ACKNOWLEDGED = "acknowledged"  # all records are acknowledged, the offset is not finished
    FINISHED = "finished"  # the offset is finished, and not committed


@dataclass(slots=True)
class Crash:
    """Counts how often the point was reached."""

    point: Point
    left: int

    def reached(self, point: Point) -> bool:
        """Tell whether this is the time to die."""
        if point is not self.point:
            return False
        self.left -= 1
        return self.left <= 0

    def at(self, point: Point) -> None:
        """Die here, if this is the time."""
        if self.reached(point):
            die()


crash: Crash


def die() -> Never:
    """End this very moment, as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class CrashingClaims(Claims):
    async def store_outcome(self, claim: Claim, number: int, outcome: bytes) -> None:
        crash.at(Point.ANSWERED)
        await super().store_outcome(claim, number, outcome)
        crash.at(Point.STORED)


class CrashingProducer(KafkaProducer):
    _attempt: asyncio.Future[None] | None = None  # that nothing has followed yet: a look alone is no attempt

    def send(self, topic: str, key: str, value: bytes) -> asyncio.Future[None]:
        if topic in FOLLOW_UPS and self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            if crash.reached(Point.RECORDED):
                return asyncio.ensure_future(_die_when_it_is_recorded(attempt))
        acknowledged = super().send(topic, key, value)
        if topic == ATTEMPTS.name:
            self._attempt = acknowledged
        return acknowledged


async def _die_when_it_is_recorded(attempt: asyncio.Future[None]) -> None:
    await attempt
    die()


class CrashingDispatcher(Dispatcher):
    async def handle(self, record: Record) -> None:
        if CrashingConsumer.die_at_commit:
            await asyncio.Event().wait()  # so that nothing else is under way when it dies
        await super().handle(record)
        crash.at(Point.ACKNOWLEDGED)
        if crash.reached(Point.FINISHED):
            CrashingConsumer.die_at_commit = True


class CrashingConsumer(KafkaConsumer):
    die_at_commit = False

    async def commit(self, commits: Mapping[Partition, Commit]) -> None:
        if self.die_at_commit:
            die()
        await super().commit(commits)


async def main() -> None:
    settings = Invocation(environ=dict(os.environ)).settings()
    parts: dict[str, type[Any]] = {
        "Claims": CrashingClaims,
        "KafkaProducer": CrashingProducer,
        "Dispatcher": CrashingDispatcher,
        "KafkaConsumer": CrashingConsumer,
    }
    for name, part in parts.items():
        assert issubclass(part, getattr(process, name))  # else it would crash nowhere
        setattr(process, name, part)
    await process.run(settings, asyncio.Event())


if __name__ == "__main__":
    crash = Crash(Point(sys.argv[1]), int(sys.argv[2]))
    configure("dispatch")
    asyncio.run(main())

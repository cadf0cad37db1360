"""Partitions that a flood of our own faults has paused go on when an operator says so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from pipeline.backlog import Partition
from pipeline.errors import InvalidMessage
from pipeline.orders.wanted import read_partition
from pipeline.records import Order, OrderKind, decode
from pipeline.settings import KafkaSettings
from pipeline.topics import CONTROL
from workers.kafka import BrokerClock, TopicFollower
from workers.log import get_log
from workers.loop import Record

log = get_log("dispatch")


class Resuming:
    """Takes records of the topic of orders. An order counts once, when it is read: a later flood pauses again."""

    def __init__(self, resume: Callable[[Partition], None], now: Callable[[], datetime]) -> None:
        self._resume = resume
        self._now = now

    def take(self, record: Record) -> None:
        """Resume a partition if this record orders it, is not over, and a flood has paused the partition here."""
        try:
            order = decode(Order, record.value) if record.value is not None else None
        except InvalidMessage as error:
            log.warning("record.unreadable", topic=record.topic, offset=record.offset, reason=error.reason)
            return
        if order is None or order.kind is not OrderKind.RESUME or order.expires_at <= self._now():
            return
        if partition := read_partition(order.partition or ""):
            self._resume(partition)


@asynccontextmanager
async def resuming(
    kafka: KafkaSettings, resume: Callable[[Partition], None], clock: BrokerClock
) -> AsyncIterator[None]:
    """Follow the orders of operators while the block runs."""
    follower = TopicFollower(kafka, CONTROL.name, Resuming(resume, clock.now).take)
    job = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        job.cancel()
        await asyncio.wait([job])

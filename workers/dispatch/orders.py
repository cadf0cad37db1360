"""Operators' orders as dispatch follows them: at once, and whether or not anybody decides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

from pipeline.consuming.backlog import Partition
from pipeline.errors import InvalidMessage
from pipeline.orders.wanted import read_partition
from pipeline.records import Order, OrderKind, decode
from pipeline.records.topics import CONTROL
from pipeline.settings import KafkaSettings
from workers.dispatch.tables import Tables
from workers.kafka import BrokerClock, TopicFollower
from workers.log import get_log
from workers.loop import Record

WAIT_S: Final = 2.0  # that a start waits for the orders that are there

log = get_log("dispatch")


class Orders:
    """Takes records of the topic. A partition is resumed once, as its order is read: a later flood pauses it again."""

    def __init__(self, tables: Tables, resume: Callable[[Partition], None], now: Callable[[], datetime]) -> None:
        self._tables = tables
        self._resume = resume
        self._now = now

    def take(self, record: Record) -> None:
        """Take an order or its withdrawal; one that cannot be read withdraws what was there by its key."""
        key = (record.key or b"").decode(errors="replace")
        try:
            order = decode(Order, record.value) if record.value is not None else None
        except InvalidMessage as error:
            log.warning("record.unreadable", topic=record.topic, offset=record.offset, reason=error.reason)
            order = None
        now = self._now()
        self._tables.ordered(key, order, now)
        if order and order.kind is OrderKind.RESUME and order.expires_at > now:
            self._go_on(order)

    def _go_on(self, order: Order) -> None:
        if partition := read_partition(order.partition or ""):
            self._resume(partition)


@asynccontextmanager
async def obeying(
    kafka: KafkaSettings, tables: Tables, resume: Callable[[Partition], None], clock: BrokerClock
) -> AsyncIterator[None]:
    """Follow the orders that are there at once, and others while the block runs."""
    follower = TopicFollower(kafka, [CONTROL.name], Orders(tables, resume, clock.now).take)
    job = asyncio.create_task(follower.run())
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await follower.caught_up.wait()
        yield
    finally:
        job.cancel()
        await asyncio.wait([job])

"""Watches the queue before the dispatchers, so that no code is promised that would wait for long."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pipeline.admission.queue import QueueLimit
from pipeline.consuming.queue_age import QueueAge
from pipeline.errors import BrokerAway
from pipeline.records.topics import DISPATCH_GROUP, REQUESTS
from pipeline.settings import KafkaSettings
from workers.kafka import KafkaAdmin, TopicStatus
from workers.log import get_log
from workers.web.problems import away

LOOK_EVERY_S: Final = 5.0
CONNECTING_S: Final = 1.0  # for a look under way when the server ends

log = get_log("api")


class Queue:
    """Knows the age of the oldest unfinished request, at most five seconds late."""

    def __init__(self, kafka: KafkaSettings, ttl_s: int, *, every_s: float = LOOK_EVERY_S) -> None:
        self._kafka = kafka
        self._every_s = every_s
        self._limit = QueueLimit(ttl_s)
        self._seen = QueueAge()
        self.age_s = 0.0

    @property
    def refuses(self) -> bool:
        """Tell whether the oldest request waits for too long."""
        return self._limit.refuses(self.age_s)

    def figures(self) -> dict[str, str | float]:
        """Give the figures for health and status. Codes are checked and looked at however long the queue is."""
        return {"door": "refuses" if self.refuses else "open", "queue_age_s": round(self.age_s, 1)}

    def refuse_if_long(self) -> None:
        """Refuse while the oldest request waits for too long. Raises Problem (503)."""
        if self.refuses:
            detail = f"requests wait for {self.age_s:.0f} s before they are sent: nothing was accepted, repeat later"
            raise away(detail, self._limit.repeat_after_s(self.age_s))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look every five seconds beside the block. What cannot be seen while Kafka is away keeps its last age."""
        ended = asyncio.Event()
        watching = asyncio.create_task(self._watch(ended))
        try:
            yield
        finally:
            ended.set()
            # aiokafka leaves a connection open that is cancelled while it is made.
            await asyncio.wait([watching], timeout=CONNECTING_S)
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            with contextlib.suppress(BrokerAway):
                async with KafkaAdmin(self._kafka) as admin:
                    while not ended.is_set():
                        await self._look(admin)
                        await self._pause(ended)
            await self._pause(ended)

    async def _look(self, admin: KafkaAdmin) -> None:
        for requests in await admin.topics([REQUESTS.name]):  # none until it is created
            end = sum(requests.ends.values())
            self._note(end, end - await _lag(admin, requests))

    async def _pause(self, ended: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._every_s):
                await ended.wait()

    def _note(self, end: int, committed: int) -> None:
        before, self.age_s = self.age_s, self._seen.observe(asyncio.get_running_loop().time(), end, committed)
        if self.refuses and not self._limit.refuses(before):
            log.error("queue.too_long", lag=end - committed, wait_s=round(self.age_s))


async def _lag(admin: KafkaAdmin, requests: TopicStatus) -> int:
    """Count what the dispatchers have not finished: everything, when there has never been one."""
    for group in await admin.groups():
        if group.name == DISPATCH_GROUP:
            return sum(behind for place, behind in group.lag.items() if place.topic == REQUESTS.name)
    return requests.records

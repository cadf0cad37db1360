"""Produce a record and know within a limit whether Kafka has it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any, Final, Protocol

from pipeline.errors import BrokerAway, CannotGoOn, PipelineError
from pipeline.records import OtpRequest, Receipt, Verification, encode
from pipeline.records.topics import Topic
from workers.log import get_log
from workers.web.problems import away

ANSWER_SHARE: Final = 0.9  # of the limit: the rest is for the answer to get out within it
BACKGROUND_LIMIT_S: Final = 30.0  # the broker's own time for finding out that a node is gone, three times over

log = get_log("http")


class Producer(Protocol):
    """What the HTTP servers need of Kafka."""

    @property
    def available(self) -> bool:
        """Tell whether the broker is not known to be away."""
        ...

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[Any]:
        """Start to produce a record; the awaitable ends when all in-sync replicas have acknowledged it."""
        ...


class Publisher:
    """Publishes for a server that has to answer in time."""

    def __init__(self, producer: Producer, limit_s: float) -> None:
        self._producer = producer
        self._limit_s = limit_s * ANSWER_SHARE
        self._under_way: set[asyncio.Task[None]] = set()
        self.lost: Counter[str] = Counter()  # records that Kafka did not take, by topic
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # why the process must end

    @property
    def available(self) -> bool:
        """Tell whether the broker is not known to be away."""
        return self._producer.available

    def limit(self) -> float:
        """Give the instant of the loop's clock by which an answer that is begun now has to be decided."""
        return asyncio.get_running_loop().time() + self._limit_s

    def refuse_if_away(self) -> None:
        """Refuse at once while the broker is known to be away: nothing has happened yet. Raises Problem."""
        if not self._producer.available:
            raise away("Kafka is away: nothing was accepted, repeat the request")

    async def publish(self, topic: Topic, record: OtpRequest | Receipt, *, until: float) -> None:
        """Produce a record and wait for its acknowledgement. Raises Problem (503).

        After the limit it is unknown whether Kafka has the record, or will have it.
        """
        self.refuse_if_away()
        try:
            async with asyncio.timeout_at(until):
                await self._producer.send(topic.name, record.request_id, encode(record))
        except CannotGoOn as error:
            self.give_up(error)
            raise away("Kafka refuses our records: this process ends and starts anew") from None
        except (TimeoutError, BrokerAway):
            raise away("Kafka did not acknowledge in time: whether it was accepted is unknown") from None

    def publish_later(self, topic: Topic, record: Verification) -> None:
        """Produce a record beside the answer. What Kafka does not take within 30 s is lost, and logged as such."""
        task = asyncio.create_task(self._try(topic, record))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def drain(self, limit_s: float) -> None:
        """Wait for what is published beside answers, so long at most."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=limit_s)
            for task in late:
                task.cancel()

    def give_up(self, error: BaseException | None) -> None:
        """End the process with this error, if it is one: `broken` raises it."""
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    async def _try(self, topic: Topic, record: Verification) -> None:
        try:
            async with asyncio.timeout(BACKGROUND_LIMIT_S):
                await self._producer.send(topic.name, record.request_id, encode(record))
        except (TimeoutError, PipelineError, asyncio.CancelledError):
            self.lost[topic.name] += 1
            log.warning("record.unpublished", topic=topic.name, request_id=record.request_id)

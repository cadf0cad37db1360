"""Reading topics from their beginning and on, without a group and without a trace."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from pipeline.consuming.backlog import Partition
from pipeline.errors import BrokerAway, CannotGoOn
from pipeline.settings import KafkaSettings
from workers.kafka.connection import READING, be_patient, connection
from workers.kafka.consumer import as_record
from workers.kafka.passed import log_passed
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("kafka")

_FETCH_WAIT_MS: Final = 200  # how long a fetch of ours waits for records; they are given at once when they come
_BROKER_WAIT_MS: Final = 100  # how long the broker may keep a fetch open
_FETCH_RECORDS: Final = 500  # records of one fetch of ours: bounds how long the event loop is held
_ANSWER_S: Final = 5.0  # after which an unanswered question means that the broker is away
_RETRY_S: Final = 0.5
_STOP_S: Final = 3.0


class KafkaReader:
    """Reads all partitions of some topics. Names are without prefix.

    `passed` is told of batches that cannot be opened, which are passed over.
    """

    def __init__(
        self, settings: KafkaSettings, topics: Collection[str], passed: Callable[[Record], None] = log_passed
    ) -> None:
        self._passed = passed
        self._prefix = settings.prefix
        self._topics = tuple(topics)
        self._consumer = AIOKafkaConsumer(
            **connection(settings),
            **READING,
            fetch_max_wait_ms=_BROKER_WAIT_MS,
        )
        self._client = self._consumer._client  # noqa: SLF001 - it has no other name
        be_patient(self._client)

    async def start(self) -> None:
        """Connect. Waits while the broker is away; raises CannotGoOn when a topic does not exist."""
        while True:
            try:
                await self._consumer.start()
                break
            except KafkaConnectionError:
                log.warning("broker.away", wait_s=_RETRY_S)
                await asyncio.sleep(_RETRY_S)
        self._consumer.assign([self._theirs(partition) for partition in await self.partitions(self._topics)])

    async def partitions(self, topics: Collection[str]) -> list[Partition]:
        """Name the partitions of topics. Raises CannotGoOn when one does not exist, and BrokerAway."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                cluster = await self._client.fetch_all_metadata()
        except (KafkaError, TimeoutError) as error:
            raise BrokerAway("the topics could not be read") from error
        numbers = {topic: cluster.partitions_for_topic(self._prefix + topic) for topic in topics}
        if missing := [topic for topic, found in numbers.items() if not found]:
            raise CannotGoOn(f"no topic {', '.join(missing)}: create the topics first, with `ithaca topics`")
        return [Partition(topic, number) for topic, found in numbers.items() for number in sorted(found)]

    async def fetch(self) -> Sequence[Record]:
        """Give what is there, waiting a moment for it, and with it what is `nothing`.

        Never cancelled while it is used. aiokafka's errors pass.
        """
        fetched = await self._consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS)
        return [
            as_record(partition.topic.removeprefix(self._prefix), record, self._passed)
            for partition, records in fetched.items()
            for record in records
        ]

    async def ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Ask the broker for the offsets of the next records, of any partitions. Raises BrokerAway."""
        return await self._ask(self._consumer.end_offsets, partitions)

    async def starts(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Ask the broker for the offsets of the oldest records, of any partitions. Raises BrokerAway."""
        return await self._ask(self._consumer.beginning_offsets, partitions)

    async def stop(self) -> None:
        """Close, within 3 s."""
        try:
            async with asyncio.timeout(_STOP_S):
                await self._consumer.stop()
        except (KafkaError, TimeoutError):
            log.warning("reader.closed_without_farewell")

    async def _ask(
        self,
        ask: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, Any]]],
        partitions: Collection[Partition],
    ) -> Mapping[Partition, int]:
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await ask([self._theirs(partition) for partition in partitions])
        except (KafkaError, TimeoutError) as error:
            raise BrokerAway("the offsets could not be read") from error
        return {self._ours(partition): int(offset) for partition, offset in found.items()}

    def _ours(self, partition: TopicPartition) -> Partition:
        return Partition(partition.topic.removeprefix(self._prefix), partition.partition)

    def _theirs(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition.topic, partition.number)

"""A member of a consumer group: `workers.loop.Consumer` on aiokafka."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import OffsetAndMetadata

from pipeline.consuming.backlog import Partition
from pipeline.consuming.offsets import Commit
from pipeline.errors import BrokerAway, CannotGoOn, CommitRefused
from pipeline.settings import KafkaSettings
from workers.kafka.batches import Nothing
from workers.kafka.connection import READING, be_patient, connection
from workers.kafka.passed import log_passed
from workers.log import get_log
from workers.loop.seam import Record, Revoked

log = get_log("kafka")

_FETCH_WAIT_MS: Final = 200  # how long a fetch of ours waits for records; they are given at once when they come
# How long the broker may keep a fetch open. A partition that is resumed joins the next fetch only, so this is what a
# resume costs at most while the other partitions are silent.
_BROKER_WAIT_MS: Final = 100
_FETCH_RECORDS: Final = 1000  # records of one fetch of ours: bounds how long the event loop is held
_PARTITION_BYTES: Final = 256 * 1024  # of one fetch and partition: what is read ahead stays small
_MAX_POLL_MS: Final = 120_000
_MARGIN_MS: Final = 5_000  # of the rebalance limit beyond what giving up partitions may take
_ANSWER_S: Final = 5.0  # after which an unanswered question means that the broker is away
_POSITION_S: Final = 0.1  # a partition whose position is not known by now has none
_RETRY_S: Final = 0.5
_STOP_S: Final = 3.0


class KafkaConsumer:
    """Consumes topics as a member of a group, with nothing committed but what is told.

    Names of topics and of the group are without prefix. `rebalance_s` is how long giving up partitions may take.
    `passed` is told of batches that cannot be opened, which are passed over. Members are dynamic: with a static one
    aiokafka never leaves the group, and a stop costs the session timeout.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        group: str,
        topics: Collection[str],
        rebalance_s: float,
        passed: Callable[[Record], None] = log_passed,
    ) -> None:
        self._passed = passed
        self._prefix = settings.prefix
        self._group = settings.prefix + group
        self._names = {settings.prefix + topic: topic for topic in topics}
        rebalance_ms = int(rebalance_s * 1000) + _MARGIN_MS
        self._consumer = AIOKafkaConsumer(
            **connection(settings),
            **READING,
            group_id=self._group,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 300),
            rebalance_timeout_ms=rebalance_ms,
            max_poll_interval_ms=_MAX_POLL_MS,
            # A join is answered when all members have given up their partitions.
            request_timeout_ms=rebalance_ms + 15_000,
            fetch_max_wait_ms=_BROKER_WAIT_MS,
            max_partition_fetch_bytes=_PARTITION_BYTES,
        )
        be_patient(self._consumer._client)  # noqa: SLF001 - it has no other name
        self._admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=int(_ANSWER_S * 1000))
        self._admin_started = False

    async def start(self, revoked: Revoked, assigned: Callable[[], None]) -> None:
        """Join the group. Waits while the broker is away; raises CannotGoOn when a topic does not exist."""
        self._consumer.subscribe(list(self._names), listener=_Listener(self, revoked, assigned))
        while True:
            try:
                await self._consumer.start()
            except KafkaConnectionError:
                log.warning("broker.away", wait_s=_RETRY_S)
                await asyncio.sleep(_RETRY_S)
            except UnknownTopicOrPartitionError:
                raise CannotGoOn("a topic does not exist: create the topics first, with `ithaca topics`") from None
            else:
                return

    async def fetch(self) -> Mapping[Partition, Sequence[Record]]:
        """Give what is there, waiting a moment for it. aiokafka's own errors pass: they are fatal."""
        fetched = await self._consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS)
        return {self.ours(partition): self._records(records) for partition, records in fetched.items()}

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, Commit]:
        """Read positions and maps of the group. Raises BrokerAway."""
        wanted = [self.theirs(partition) for partition in partitions]
        try:
            async with asyncio.timeout(_ANSWER_S):
                if not self._admin_started:
                    await self._admin.start()
                    self._admin_started = True
                found = await self._admin.list_consumer_group_offsets(self._group, partitions=wanted)
        except (KafkaError, TimeoutError, AttributeError) as error:
            # AttributeError: aiokafka 0.14.0 stumbles over the error of a single partition, as of a group still loading
            raise BrokerAway("the group's commits could not be read") from error
        return {
            self.ours(partition): Commit(position=commit.offset, metadata=commit.metadata)
            for partition, commit in found.items()
            if commit.offset >= 0
        }

    async def commit(self, commits: Mapping[Partition, Commit]) -> None:
        """Commit; goes on trying while the broker is away. Raises CommitRefused and BrokerAway."""
        offsets = {
            self.theirs(partition): OffsetAndMetadata(commit.position, commit.metadata)
            for partition, commit in commits.items()
        }
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            raise CommitRefused("the group has moved on") from error
        except KafkaError as error:
            raise BrokerAway("the commit failed") from error

    def pause(self, partition: Partition) -> None:
        """Fetch nothing more of a partition."""
        with contextlib.suppress(IllegalStateError):
            self._consumer.pause(self.theirs(partition))

    def resume(self, partition: Partition) -> None:
        """Fetch it again."""
        with contextlib.suppress(IllegalStateError):
            self._consumer.resume(self.theirs(partition))

    async def lag(self) -> Mapping[Partition, int]:
        """Ask the broker how many records of each of our partitions are not fetched yet. Raises BrokerAway."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                mine = self._consumer.assignment()
                ends = await self._consumer.end_offsets(mine) if mine else await self._consumer.topics() and {}
                return {self.ours(partition): end - await self._position(partition) for partition, end in ends.items()}
        except (KafkaError, TimeoutError) as error:
            raise BrokerAway("the ends of the topics could not be read") from error

    async def stop(self) -> None:
        """Leave the group and close, within 6 s; what does not end by then ends with the process."""
        for close in (self._consumer.stop, self._admin.close):
            try:
                async with asyncio.timeout(_STOP_S):
                    await close()
            except (KafkaError, TimeoutError):
                log.warning("consumer.left_without_farewell", group=self._group)

    def ours(self, partition: TopicPartition) -> Partition:
        """Name a partition without prefix."""
        return Partition(self._names[partition.topic], partition.partition)

    def theirs(self, partition: Partition) -> TopicPartition:
        """Name a partition as the cluster does."""
        return TopicPartition(self._prefix + partition.topic, partition.number)

    async def _position(self, partition: TopicPartition) -> int:
        try:
            async with asyncio.timeout(_POSITION_S):
                return int(await self._consumer.position(partition))
        except (IllegalStateError, TimeoutError):
            return 0  # nothing of it can be fetched: all of it is lag

    def _records(self, fetched: Iterable[ConsumerRecord[Any, Any]]) -> list[Record]:
        return [as_record(self._names[record.topic], record, self._passed) for record in fetched]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's class is untyped
    """Passes on what is revoked. aiokafka only logs what a listener raises, and goes on."""

    def __init__(self, consumer: KafkaConsumer, revoked: Revoked, assigned: Callable[[], None]) -> None:
        self._consumer = consumer
        self._revoked = revoked
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait until the loop has given the partitions up."""
        partitions = [self._consumer.ours(partition) for partition in revoked]
        if partitions:
            log.info("partitions.revoked", count=len(partitions))
            await self._revoked(partitions)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Tell that fetches bring records of this assignment from now on."""
        self._assigned()
        log.info("partitions.assigned", count=len(assigned))


def as_record(topic: str, record: Any, passed: Callable[[Record], None]) -> Record:
    """Give one of aiokafka's records as the loop knows them, under our name of the topic."""
    nothing = record.headers if isinstance(record.headers, Nothing) else None
    made = Record(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        timestamp_ms=record.timestamp,
        headers=record.headers if nothing is None else (),
        nothing=nothing is not None,
        unreadable=None if nothing is None else nothing.unreadable,
    )
    if made.unreadable:
        passed(made)
    return made

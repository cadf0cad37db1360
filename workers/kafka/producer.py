"""The producer: acknowledged by all in-sync replicas, idempotent, and cheap, because it collects.

aiokafka's own `send` costs about 40 us a record, most of it for requests of one record each and for hashing keys in
Python. Here all records of a tick travel as one batch per partition, and those of topics where nothing depends on the
partition go into a single one.
"""

import asyncio
import binascii
import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Collection, Coroutine, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec import Struct

from pipeline.errors import CannotGoOn
from pipeline.records.topics import ATTEMPTS, RETRY_TIERS, TOPICS
from pipeline.settings import KafkaSettings
from workers.kafka.clock import BrokerClock
from workers.kafka.connection import be_patient, connection
from workers.log import get_log

log = get_log("kafka")

# Nothing depends on which partition these records are in, and dispatch writes two of them for every code.
SPREAD: Final = frozenset(topic.name for topic in (ATTEMPTS, *RETRY_TIERS))

_TICK_S: Final = 0.002  # records of this time travel together; the first after a pause goes at once
_BATCH_BYTES: Final = 256 * 1024
_MAX_VALUE_BYTES: Final = 512 * 1024  # the broker takes 1 MiB
_LATE_S: Final = 1.0  # without acknowledgement, after which the broker counts as away
_PROBE_S: Final = 0.5
_RETRY_S: Final = 0.5
_STOP_S: Final = 3.0
_CLOSE_S: Final = 1.0  # with nothing under way it takes no time; with something, it never ends


class _Outgoing(Struct, frozen=True, kw_only=True):
    key: bytes
    value: bytes | None
    acknowledged: asyncio.Future[None]


class KafkaProducer:
    """Produces records. Made inside a running event loop; topics are named without prefix."""

    def __init__(self, settings: KafkaSettings, *, spread: Collection[str] = SPREAD) -> None:
        self._settings = settings
        self._spread = spread
        self._events = asyncio.get_running_loop()
        self._producer = AIOKafkaProducer(
            **connection(settings), acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES
        )
        be_patient(self._producer.client)
        self._waiting: defaultdict[str, list[_Outgoing]] = defaultdict(list)
        self._lanes: dict[TopicPartition, list[_Outgoing]] = {}  # those with a batch under way; what waits behind it
        self._sent_at: dict[TopicPartition, float] = {}  # of the batch under way
        self._turn = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._collecting: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._reachable = False
        self._broken: asyncio.Future[None] = self._events.create_future()
        self.clock = BrokerClock()

    @property
    def available(self) -> bool:
        """Tell whether the broker is not known to be away: it answers, and acknowledges within a second."""
        oldest = min(self._sent_at.values(), default=None)
        late = oldest is not None and time.monotonic() - oldest > _LATE_S
        return self._reachable and not late and not self._broken.done()

    async def start(self) -> None:
        """Connect. Waits while the broker is away."""
        while not self._reachable:
            try:
                await self._producer.start()
                self._reachable = True
            except KafkaConnectionError:
                log.warning("broker.away", wait_s=_RETRY_S)
                await asyncio.sleep(_RETRY_S)
        for topic in TOPICS:  # known before the first record, for which the broker may be away already
            self._producer.client.add_topic(self._settings.prefix + topic.name)
        self._probing = asyncio.create_task(self._probe())

    async def watch(self) -> None:
        """Wait until the producer is broken for good. Raises CannotGoOn: end the process with an error."""
        await asyncio.shield(self._broken)

    def send(self, topic: str, key: str, value: bytes) -> asyncio.Future[None]:
        """Produce a record with what else is sent these days; the future ends when all in-sync replicas have it.

        While the broker is away it does not end. Cancelled before the record has left, the record is not produced;
        later, it is unknown whether it will be. The future fails with CannotGoOn only, when the producer is broken.
        Raises ValueError for a value over 512 KiB.
        """
        if len(value) > _MAX_VALUE_BYTES:
            raise ValueError(f"{topic}: a record of {len(value)} bytes, at most {_MAX_VALUE_BYTES}")
        return self._put(topic, key, value)

    def withdraw(self, topic: str, key: str) -> asyncio.Future[None]:
        """Take what has this key from a compacted topic, by a record without a value; the future is that of `send`."""
        return self._put(topic, key, None)

    def _put(self, topic: str, key: str, value: bytes | None) -> asyncio.Future[None]:
        record = _Outgoing(key=key.encode(), value=value, acknowledged=self._events.create_future())
        self._waiting[self._settings.prefix + topic].append(record)
        if self._collecting is None:
            self._collecting = self._events.create_task(self._collect())
        return record.acknowledged

    async def stop(self) -> None:
        """Let what is under way end, and close, within 4 s; what is unfinished then stays unknown."""
        if self._probing:
            self._probing.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                while self._tasks or self._collecting:
                    await asyncio.wait([*self._tasks, *filter(None, [self._collecting])])
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._producer.stop()
        except (KafkaError, TimeoutError):
            log.warning("producer.closed_without_farewell", count=len(self._lanes))

    async def _collect(self) -> None:
        """Tick by tick, start what was sent; end after a tick without records."""
        while self._waiting:
            waiting, self._waiting = self._waiting, defaultdict(list)
            for topic, records in waiting.items():
                self._route(topic, records, self._producer.client.cluster.partitions_for_topic(topic))
            await asyncio.sleep(_TICK_S)
        self._collecting = None

    def _route(self, topic: str, records: list[_Outgoing], known: Collection[int] | None) -> None:
        if known is None:
            return self._spawn(self._find(topic, records))
        partitions = sorted(known)
        if topic.removeprefix(self._settings.prefix) in self._spread:
            return self._enter(self._free_lane(topic, partitions), records)
        by_partition: defaultdict[int, list[_Outgoing]] = defaultdict(list)
        for record in records:
            by_partition[partitions[binascii.crc32(record.key) % len(partitions)]].append(record)
        for partition, group in by_partition.items():
            self._enter(TopicPartition(topic, partition), group)
        return None

    async def _find(self, topic: str, records: list[_Outgoing]) -> None:
        try:
            self._route(topic, records, await self._producer.partitions_for(topic))
        except KafkaError as error:
            self._fail(records, error)

    def _free_lane(self, topic: str, partitions: list[int]) -> TopicPartition:
        """Give the next partition without a batch under way, so that one without a leader delays nothing else."""
        turn = next(self._turn)
        lanes = [TopicPartition(topic, partitions[(turn + n) % len(partitions)]) for n in range(len(partitions))]
        return next((lane for lane in lanes if lane not in self._lanes), lanes[0])

    def _enter(self, lane: TopicPartition, records: list[_Outgoing]) -> None:
        if lane in self._lanes:
            self._lanes[lane].extend(records)
            return
        self._lanes[lane] = records
        self._spawn(self._drive(lane))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._events.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, lane: TopicPartition) -> None:
        """Send what waits in a lane, one batch after the other."""
        try:
            while records := self._lanes[lane]:
                self._lanes[lane] = []
                for batch, part in self._batches(records):
                    await self._deliver(lane, batch, part)
        finally:
            del self._lanes[lane]

    def _batches(self, records: list[_Outgoing]) -> Iterator[tuple[Any, list[_Outgoing]]]:
        batch, part = self._producer.create_batch(), list[_Outgoing]()
        for record in records:
            if record.acknowledged.cancelled():
                continue
            if batch.append(timestamp=None, key=record.key, value=record.value) is None:
                yield batch, part
                batch, part = self._producer.create_batch(), []
                batch.append(timestamp=None, key=record.key, value=record.value)
            part.append(record)
        if part:
            yield batch, part

    async def _deliver(self, lane: TopicPartition, batch: Any, records: list[_Outgoing]) -> None:
        batch.close()
        self._sent_at[lane] = sent_at = time.monotonic()
        try:
            under_way = await self._producer.send_batch(batch, lane.topic, partition=lane.partition)
            acknowledged = await under_way
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._fail(records, error)
        else:
            if acknowledged.timestamp_type == 1:  # stamped by the broker
                self.clock.observe(sent_at, time.monotonic(), acknowledged.timestamp)
            for record in records:
                if not record.acknowledged.done():
                    record.acknowledged.set_result(None)
        finally:
            del self._sent_at[lane]

    def _fail(self, records: list[_Outgoing], error: Exception) -> None:
        """Fail records. aiokafka gives up only on what it cannot mend, and its sequence numbers are lost with that."""
        log.error("records.not_produced", count=len(records), exc_info=error)
        failure = CannotGoOn(f"Kafka does not take our records: {type(error).__name__}")
        for future in (self._broken, *(record.acknowledged for record in records)):
            if not future.done():
                future.set_exception(failure)
        self._broken.exception()  # seen, whether or not somebody watches

    async def _probe(self) -> None:
        """Find out within about a second that the broker is away, even when nothing is sent."""
        while True:
            answer = asyncio.ensure_future(self._producer.client.force_metadata_update())
            await asyncio.wait([answer], timeout=_LATE_S)
            self._reachable = answer.done() and bool(answer.result())
            await asyncio.sleep(_PROBE_S)

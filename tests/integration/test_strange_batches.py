"""Whatever bytes a caller writes to Kafka, what others write is read on, in order and at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench.strange.batches import batch, bomb, produce, record
from bench.strange.caller import delete, transacting, transaction
from pipeline.records import Cause, Incident, decode
from pipeline.records.topics import ATTEMPTS, COUNTED, INCIDENTS, REQUESTS
from pipeline.settings import KafkaSettings
from tests.integration.statistics import until
from tests.integration.test_loop_on_kafka import LIMITS, producing
from tests.integration.test_stats_stream import Taking
from tests.workers.loop.scripted import running
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaConsumer, KafkaReader, create_topics
from workers.kafka.passed import PassedOver
from workers.loop import Loop, Record
from workers.stats.stream import Stream

GROUP = "strange"
# The broker takes all of them, and each ended every process that read it.
UNREADABLE = {
    "a header's name that is no UTF-8": batch([record(b"strange", header=b"\xff\xfe")]),
    "attributes that Kafka does not have": batch([record(b"strange", flags=0x80)]),
    "a bomb": bomb(64),
}


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=1, session_timeout_s=2.0)
    await create_topics(settings, [REQUESTS, *COUNTED, INCIDENTS])
    return settings


async def write(settings: KafkaSettings, topic: str, made: bytes) -> int:
    return await asyncio.to_thread(produce, settings.bootstrap, settings.prefix + topic, 0, made)


class Dispatching:
    """A loop on the requests, and what it handles."""

    def __init__(self, settings: KafkaSettings, passed: PassedOver) -> None:
        self.values: list[bytes | None] = []
        consumer = KafkaConsumer(
            settings, group=GROUP, topics=[REQUESTS.name], rebalance_s=LIMITS.rebalance_s, passed=passed
        )
        self.loop = Loop(consumer, self._handle, self._dead_letter, now=lambda: 0.0, limits=LIMITS)

    async def _handle(self, record: Record) -> None:
        self.values.append(record.value)

    async def _dead_letter(self, _: Record, error: Exception) -> None:
        raise error


async def test_requests_beside_batches_that_cannot_be_opened_are_handled_and_an_incident_names_each(
    settings: KafkaSettings,
) -> None:
    async with producing(settings) as producer:
        passed = PassedOver(producer)
        dispatching = Dispatching(settings, passed)
        async with running(dispatching.loop) as loop:
            for number, made in enumerate(UNREADABLE.values()):
                assert await write(settings, REQUESTS.name, made) == 0
                await producer.send(REQUESTS.name, "key", b"%d" % number)
            await until("all are handled", lambda: len(dispatching.values) == len(UNREADABLE))
            await until("all is committed", lambda: nothing_left(settings))
            assert not loop.done()
        async with KafkaAdmin(settings) as admin:
            told = [decode(Incident, record.value) async for record in admin.read(INCIDENTS.name)]

    assert dispatching.values == [b"0", b"1", b"2"]
    assert passed.batches == {REQUESTS.name: 3}
    assert {one.cause for one in told} == {Cause.RECORDS}
    assert [one.summary.partition(" cannot be opened: ")[::2] for one in told] == [
        ("a batch of otp.requests/0 that ends at offset 0", "UnicodeDecodeError"),
        ("a batch of otp.requests/0 that ends at offset 2", "CorruptRecordException"),
        ("a batch of otp.requests/0 that ends at offset 67", "gzip: over 4194304 bytes"),
    ]


async def nothing_left(settings: KafkaSettings) -> bool:
    async with KafkaAdmin(settings) as admin:
        return not any(sum(group.lag.values()) for group in await admin.groups())


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_packed_requests_are_handled(settings: KafkaSettings, codec: str) -> None:
    made = batch([record(b"one"), record(b"two", delta=1)], codec=codec)
    async with producing(settings) as producer:
        dispatching = Dispatching(settings, PassedOver(producer))
        assert await write(settings, REQUESTS.name, made) == 0
        async with running(dispatching.loop):
            await until("both are handled", lambda: len(dispatching.values) == 2)
    assert dispatching.values == [b"one", b"two"]


async def test_what_a_transaction_took_back_is_not_handled_and_its_marker_is_no_lag(settings: KafkaSettings) -> None:
    topic = settings.prefix + REQUESTS.name
    async with producing(settings) as producer, transacting(settings.bootstrap, settings.prefix) as caller:
        dispatching = Dispatching(settings, PassedOver(producer))
        async with running(dispatching.loop):
            await transaction(caller, topic, [b"aborted", b"aborted"], commit=False)
            await transaction(caller, topic, [b"committed"])
            await until("it is handled", lambda: dispatching.values)
            await until("all is committed", lambda: nothing_left(settings))
            await transaction(caller, topic, [b"aborted"], commit=False)
            await until("the marker at the end is passed", lambda: nothing_left(settings))
    assert dispatching.values == [b"committed"]


async def test_requests_that_are_deleted_unread_are_passed_over(settings: KafkaSettings) -> None:
    topic = settings.prefix + REQUESTS.name
    async with producing(settings) as producer:
        await asyncio.gather(*(producer.send(REQUESTS.name, "key", b"deleted") for _ in range(5)))
        await delete(settings.bootstrap, topic, 0, -1)
        dispatching = Dispatching(settings, PassedOver(producer))
        async with running(dispatching.loop):
            await producer.send(REQUESTS.name, "key", b"kept")
            await until("it is handled", lambda: dispatching.values)
            await until("all is committed", lambda: nothing_left(settings))
    assert dispatching.values == [b"kept"]


@pytest.fixture
async def counting(settings: KafkaSettings) -> AsyncIterator[tuple[Taking, Stream, list[Record]]]:
    taker, passed = Taking(), list[Record]()
    stream = Stream(settings, taker, passed.append)
    await stream.start()
    yield taker, stream, passed
    await stream.stop()


async def test_the_stream_tells_of_every_offset_what_it_holds_or_that_it_holds_nothing(
    settings: KafkaSettings, counting: tuple[Taking, Stream, list[Record]]
) -> None:
    taker, _, passed = counting
    source, topic = (ATTEMPTS.name, 0), settings.prefix + ATTEMPTS.name
    async with transacting(settings.bootstrap, settings.prefix) as caller:
        await transaction(caller, topic, [b"0"])  # and its marker: 1
        await transaction(caller, topic, [b"aborted", b"aborted"], commit=False)  # 2 to 4
    for made in UNREADABLE.values():
        assert await write(settings, ATTEMPTS.name, made) == 0  # 5, 6, and 7 to 70
    assert await write(settings, ATTEMPTS.name, batch([record(b"71")], codec="zstd")) == 0
    await until("all have come", lambda: taker.taken[source] == [0, 71])

    told = sorted([(offset, offset) for offset in taker.taken[source]] + [places[1:] for places in taker.skipped])
    assert [offset for first, last in told for offset in range(first, last + 1)] == list(range(72))
    first, *others = (one.offset for one in passed)
    assert first in {4, 5}  # Kafka writes the marker of what was taken back in its own time: before this batch or after
    assert others == [6, 70]


async def test_a_reader_gives_what_can_be_opened_and_says_what_cannot(settings: KafkaSettings) -> None:
    passed, read = list[Record](), list[Record]()
    for made in UNREADABLE.values():
        assert await write(settings, REQUESTS.name, made) == 0
    assert await write(settings, REQUESTS.name, batch([record(b"read")])) == 0
    reader = KafkaReader(settings, [REQUESTS.name], passed.append)
    await reader.start()

    async def done() -> bool:
        read.extend(await reader.fetch())
        return any(not one.nothing for one in read)

    await until("it is read", done)
    await reader.stop()
    async with KafkaAdmin(settings) as admin:
        values = [one.value async for one in admin.read(REQUESTS.name)]

    assert [one.value for one in read if not one.nothing] == values == [b"read"]
    assert [one.offset for one in passed] == [0, 1, 65]

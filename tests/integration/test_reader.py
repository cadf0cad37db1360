"""Reading topics from their beginning, without a group."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pipeline.consuming.backlog import Partition
from pipeline.errors import CannotGoOn
from pipeline.records.topics import ATTEMPTS, CONTROL, ROUTES
from pipeline.settings import KafkaSettings
from tests.integration.statistics import until
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaProducer, KafkaReader, create_topics
from workers.loop import Record

COUNT = 20


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=3)
    await create_topics(settings, [ATTEMPTS, CONTROL])
    return settings


@pytest.fixture
async def producer(settings: KafkaSettings) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(settings, spread=())
    await producer.start()
    yield producer
    await producer.stop()


async def test_all_partitions_are_read_from_the_beginning_and_on(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    async def write() -> None:
        await asyncio.gather(*(producer.send(ATTEMPTS.name, f"key-{n}", b"value") for n in range(COUNT)))

    read: list[Record] = []

    async def fetched(count: int) -> bool:
        read.extend(await reader.fetch())
        return len(read) >= count

    await write()
    reader = KafkaReader(settings, [ATTEMPTS.name, CONTROL.name])
    await reader.start()
    await until("what was there is read", lambda: fetched(COUNT))
    await write()
    await until("what came is read", lambda: fetched(2 * COUNT))
    await reader.stop()

    assert {record.topic for record in read} == {ATTEMPTS.name}
    assert sorted(record.key or b"" for record in read) == sorted(2 * [b"key-%d" % n for n in range(COUNT)])
    async with KafkaAdmin(settings) as admin:
        assert await admin.groups() == []


async def test_offsets_are_told_of_any_partition_also_of_one_that_is_not_read(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    await asyncio.gather(*(producer.send(ATTEMPTS.name, f"key-{n}", b"value") for n in range(COUNT)))
    reader = KafkaReader(settings, ())
    await reader.start()
    partitions = await reader.partitions([ATTEMPTS.name])
    starts, ends = await reader.starts(partitions), await reader.ends(partitions)
    await reader.stop()

    assert partitions == [Partition(ATTEMPTS.name, number) for number in range(3)]
    assert set(starts.values()) == {0}
    assert sum(ends.values()) == COUNT


async def test_topic_that_does_not_exist_is_told(settings: KafkaSettings) -> None:
    reader = KafkaReader(settings, [ROUTES.name])
    with pytest.raises(CannotGoOn, match=r"no topic otp\.routes"):
        await reader.start()
    await reader.stop()

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest

from pipeline.records.topics import ATTEMPTS, REQUESTS
from pipeline.settings import KafkaSettings
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics
from workers.loop import Record


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=4)
    await create_topics(settings)
    return settings


@pytest.fixture
async def producer(settings: KafkaSettings) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(settings)
    await producer.start()
    yield producer
    await producer.stop()


async def records(settings: KafkaSettings, topic: str) -> list[Record]:
    async with KafkaAdmin(settings) as admin:
        return [record async for record in admin.read(topic)]


async def test_what_is_sent_in_one_turn_arrives_once_however_much_it_is(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    sent = [b"%06d" % number + b"x" * 2000 for number in range(1000)]
    await asyncio.gather(*(producer.send(ATTEMPTS.name, "key", value) for value in sent))

    assert sorted(record.value or b"" for record in await records(settings, ATTEMPTS.name)) == sent


async def test_requests_of_one_key_stay_in_one_partition_and_in_order(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    for turn in range(20):
        await asyncio.gather(*(producer.send(REQUESTS.name, f"key-{n}", b"%d" % turn) for n in range(10)))

    by_key = defaultdict[bytes | None, list[Record]](list)
    for record in await records(settings, REQUESTS.name):
        by_key[record.key].append(record)
    assert len(by_key) == 10
    for group in by_key.values():
        assert len({record.partition for record in group}) == 1
        assert [record.value for record in group] == [b"%d" % turn for turn in range(20)]
    assert len({group[0].partition for group in by_key.values()}) > 1


async def test_records_for_which_the_partition_does_not_matter_use_all_of_them(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    for _ in range(20):
        await producer.send(ATTEMPTS.name, "key", b"")

    assert {record.partition for record in await records(settings, ATTEMPTS.name)} == {0, 1, 2, 3}


async def test_a_record_that_is_given_up_before_it_has_left_is_not_produced(
    settings: KafkaSettings, producer: KafkaProducer
) -> None:
    producer.send(REQUESTS.name, "key", b"given up").cancel()
    await producer.send(REQUESTS.name, "key", b"kept")

    assert [record.value for record in await records(settings, REQUESTS.name)] == [b"kept"]


async def test_an_oversized_record_is_refused_at_once(producer: KafkaProducer) -> None:
    with pytest.raises(ValueError, match="at most 524288"):
        producer.send(REQUESTS.name, "key", b"x" * 524_289)


async def test_the_brokers_clock_is_learnt_from_acknowledgements(producer: KafkaProducer) -> None:
    assert producer.clock.error_s == float("inf")
    await producer.send(REQUESTS.name, "key", b"")

    assert producer.clock.error_s < 1.0

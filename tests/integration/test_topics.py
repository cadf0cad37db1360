import asyncio

import pytest

from pipeline.errors import BrokerAway, TopicMismatch
from pipeline.records.topics import ATTEMPTS, DEAD, REQUESTS, TOPICS
from pipeline.settings import KafkaSettings
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics
from workers.kafka.topics import mismatches


@pytest.fixture
def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=3)


async def test_all_topics_are_created_once_and_are_right(settings: KafkaSettings) -> None:
    assert await create_topics(settings) == tuple(topic.name for topic in TOPICS)
    assert await create_topics(settings) == ()

    async with KafkaAdmin(settings) as admin:
        shapes = await admin.shapes([topic.name for topic in TOPICS])
    assert shapes.keys() == {topic.name for topic in TOPICS}
    assert [difference for topic in TOPICS for difference in mismatches(topic, shapes[topic.name], settings)] == []


async def test_a_topic_with_fewer_partitions_is_an_error_that_names_it(settings: KafkaSettings) -> None:
    await create_topics(settings, [REQUESTS])
    more = KafkaSettings(bootstrap=settings.bootstrap, prefix=settings.prefix, partitions=8)

    with pytest.raises(TopicMismatch, match=f"{settings.prefix}otp.requests: 3 partitions, at least 8 wanted"):
        await create_topics(more)


async def test_a_topic_is_followed_from_now_on(settings: KafkaSettings) -> None:
    await create_topics(settings, [DEAD])
    producer = KafkaProducer(settings)
    await producer.start()
    await producer.send(DEAD.name, "key", b"before")

    async with KafkaAdmin(settings) as admin, admin.following(DEAD.name) as records:
        await producer.send(DEAD.name, "key", b"after")
        async with asyncio.timeout(30):
            assert (await anext(records)).value == b"after"
        with pytest.raises(TopicMismatch, match=r"otp\.none: missing"):
            async with admin.following("otp.none"):
                pass
    await producer.stop()


async def test_a_topic_is_read_from_its_beginning_to_its_end(settings: KafkaSettings) -> None:
    await create_topics(settings, [DEAD, ATTEMPTS])
    producer = KafkaProducer(settings)
    await producer.start()
    for number in range(50):
        await producer.send(DEAD.name, f"key-{number}", b"%d" % number)
    await producer.stop()

    async with KafkaAdmin(settings) as admin:
        (status,) = await admin.topics([DEAD.name, "otp.none"])
        values = {record.value: record.key async for record in admin.read(DEAD.name)}
        assert [record async for record in admin.read(ATTEMPTS.name)] == []
        assert [record async for record in admin.read("otp.none")] == []

    assert (status.name, len(status.ends), status.records) == (DEAD.name, 3, 50)
    assert values == {b"%d" % number: b"key-%d" % number for number in range(50)}


async def test_a_broker_that_is_not_there_is_told_so() -> None:
    with pytest.raises(BrokerAway, match="cannot connect"):
        await create_topics(KafkaSettings(bootstrap="127.0.0.1:1"))

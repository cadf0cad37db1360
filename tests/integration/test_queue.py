"""The age of the queue before the dispatchers, as the HTTP door sees it, on real Kafka."""

import asyncio

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.strange.batches import batch, produce, record
from bench.strange.caller import delete, transacting, transaction
from pipeline.records.topics import DISPATCH_GROUP, REQUESTS
from pipeline.settings import KafkaSettings
from tests.integration.statistics import until
from tests.integration.test_loop_on_kafka import LIMITS
from tests.integration.test_strange_batches import nothing_left
from tests.workers.loop.scripted import running
from workers.api.queue import Queue
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, create_topics
from workers.loop import Loop, Record


async def test_queue_that_no_dispatcher_works_off_ages(kafka: EmbeddedKafka, prefix: str) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=2)
    queue = Queue(settings, 300, every_s=0.05)
    await create_topics(settings)
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        async with queue.watched(), asyncio.timeout(20):
            await producer.send(REQUESTS.name, "key", b"{}")
            while queue.age_s < 0.5:
                await asyncio.sleep(0.05)
    finally:
        await producer.stop()


async def test_queue_of_which_only_markers_and_deleted_records_are_left_does_not_age(
    kafka: EmbeddedKafka, prefix: str
) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=1)
    topic, handled = prefix + REQUESTS.name, list[bytes | None]()
    await create_topics(settings, [REQUESTS])

    async def handle(record: Record) -> None:
        handled.append(record.value)

    async def dead_letter(_: Record, error: Exception) -> None:
        raise error

    consumer = KafkaConsumer(settings, group=DISPATCH_GROUP, topics=[REQUESTS.name], rebalance_s=LIMITS.rebalance_s)
    loop = Loop(consumer, handle, dead_letter, now=lambda: 0.0, limits=LIMITS)
    queue = Queue(settings, 300, every_s=0.05)
    async with transacting(kafka.bootstrap, prefix) as caller, queue.watched():
        async with running(loop):
            await transaction(caller, topic, [b"committed"])
            await until("it is handled", lambda: handled == [b"committed"])
            await transaction(caller, topic, [b"aborted"], commit=False)
            await until("the markers are passed", lambda: nothing_left(settings))
        await transaction(caller, topic, [b"committed"])
        await until("it waits, with nobody to handle it", lambda: queue.age_s)
        await delete(kafka.bootstrap, topic, 0, -1)
        await until("the queue is empty", lambda: queue.age_s == 0)


async def test_young_queue_whose_dispatchers_have_committed_nothing_ages(kafka: EmbeddedKafka, prefix: str) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=2)
    await create_topics(settings, [REQUESTS])
    queue = Queue(settings, 300, every_s=0.05)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    there = [TopicPartition(prefix + REQUESTS.name, 0, 0)]  # and of the other partition nothing is known
    group = prefix + DISPATCH_GROUP
    await asyncio.to_thread(
        lambda: admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, there)])[group].result(30)
    )
    assert await asyncio.to_thread(produce, kafka.bootstrap, prefix + REQUESTS.name, 1, batch([record(b"waits")])) == 0
    async with queue.watched():
        await until("it ages", lambda: queue.age_s > 0.2)
        async with KafkaAdmin(settings) as kafka_admin:
            (seen,) = await kafka_admin.groups()
    assert sum(seen.lag.values()) == 1
    assert queue.figures()["door"] == "open"

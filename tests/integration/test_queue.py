"""The age of the queue before the dispatchers, as the HTTP door sees it, on real Kafka."""

import asyncio

from pipeline.settings import KafkaSettings
from pipeline.topics import REQUESTS
from workers.api.queue import Queue
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaProducer, create_topics


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

"""Records in and out of a broker through librdkafka, for tests of the broker itself."""

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

WITHIN_S = 30.0


def make_topic(bootstrap: str, topic: str, *, replication: int = 1) -> None:
    """Make a topic with one partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=replication)])
    made[topic].result(WITHIN_S)


def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Write records, and return when all in-sync replicas have them."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(WITHIN_S) == 0


def read(bootstrap: str, topic: str, count: int, within_s: float = WITHIN_S) -> list[bytes]:
    """Read the first records of a topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reads-all", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        messages = consumer.consume(count, within_s)
        return [message.value() or b"" for message in messages if message.error() is None]
    finally:
        consumer.close()

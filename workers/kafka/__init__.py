"""aiokafka behind our seams: the only package that imports it."""

from workers.kafka.admin import KafkaAdmin
from workers.kafka.clock import BrokerClock
from workers.kafka.consumer import KafkaConsumer
from workers.kafka.following import TopicFollower
from workers.kafka.passed import PassedOver
from workers.kafka.producer import KafkaProducer
from workers.kafka.reader import KafkaReader
from workers.kafka.status import GroupStatus, TopicStatus
from workers.kafka.topics import create_topics

__all__ = [
    "BrokerClock",
    "GroupStatus",
    "KafkaAdmin",
    "KafkaConsumer",
    "KafkaProducer",
    "KafkaReader",
    "PassedOver",
    "TopicFollower",
    "TopicStatus",
    "create_topics",
]

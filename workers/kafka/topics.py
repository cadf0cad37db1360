"""Topics: created as `pipeline.records.topics` says, and those that exist compared with it."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Final

from pipeline.errors import BrokerAway, TopicMismatch
from pipeline.records.topics import TOPICS, Topic
from pipeline.settings import KafkaSettings
from workers.kafka.admin import KafkaAdmin
from workers.kafka.status import TopicShape

_FOR_EVER: Final = -1
_LOOKS: Final = 200  # for topics that have just been created, until they are known with their leaders
_LOOK_S: Final = 0.1
_SEGMENTS: Final = 4  # parts of the retention: records go when their whole segment has aged


def shape(topic: Topic, settings: KafkaSettings) -> TopicShape:
    """Give what a topic is created with."""
    configs = {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": topic.cleanup.value,
        "retention.ms": str(_ms(topic.retention)),
        "min.insync.replicas": str(settings.min_insync),
    }
    if topic.retention is not None:
        configs["segment.ms"] = str(_ms(topic.retention / _SEGMENTS))
    return TopicShape(partitions=topic.partitions or settings.partitions, configs=configs)


def mismatches(topic: Topic, found: TopicShape, settings: KafkaSettings) -> Iterator[str]:
    """Say what of an existing topic is not as it must be, and the command that mends it."""
    wanted, name = shape(topic, settings), settings.prefix + topic.name
    if found.partitions < wanted.partitions:
        yield (
            f"topic {name}: {found.partitions} partitions, at least {wanted.partitions} wanted; mend it with: "
            f"kafka-topics.sh --bootstrap-server {settings.bootstrap} --alter --topic {name} "
            f"--partitions {wanted.partitions}"
        )
    for key in ("cleanup.policy", "message.timestamp.type", "retention.ms"):
        if not _serves(key, found.configs.get(key, ""), wanted.configs[key]):
            yield (
                f"topic {name}: {key} is {found.configs.get(key)}, {wanted.configs[key]} wanted; mend it with: "
                f"kafka-configs.sh --bootstrap-server {settings.bootstrap} --alter --entity-type topics "
                f"--entity-name {name} --add-config {key}={wanted.configs[key]}"
            )


async def create_topics(settings: KafkaSettings, topics: Collection[Topic] = TOPICS) -> tuple[str, ...]:
    """Create what is missing and check what is there; give the names of what was created.

    Raises TopicMismatch, naming every difference, and BrokerAway.
    """
    names = [topic.name for topic in topics]
    async with KafkaAdmin(settings) as admin:
        there = await admin.shapes(names)
        created = await admin.create(
            {topic.name: shape(topic, settings) for topic in topics if topic.name not in there}
        )
        there = await _appeared(admin, names)
    if differences := [line for topic in topics for line in mismatches(topic, there[topic.name], settings)]:
        raise TopicMismatch("\n".join(differences))
    return created


async def _appeared(admin: KafkaAdmin, names: Collection[str]) -> dict[str, TopicShape]:
    for _ in range(_LOOKS):
        there = await admin.shapes(names)
        if len(there) == len(names):
            return there
        await asyncio.sleep(_LOOK_S)
    raise BrokerAway(
        f"Kafka: no leader for the topics {', '.join(sorted(set(names) - set(there)))}; are all brokers up?"
    )


def _serves(key: str, found: str, wanted: str) -> bool:
    if key != "retention.ms":
        return found == wanted
    return int(found) == _FOR_EVER or _FOR_EVER != int(wanted) <= int(found)


def _ms(duration: timedelta | None) -> int:
    return _FOR_EVER if duration is None else duration // timedelta(milliseconds=1)

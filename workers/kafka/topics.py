"""Topics: created as `pipeline.topics` says, and those that exist compared with it."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from pipeline.errors import BrokerAway, TopicMismatch
from pipeline.settings import KafkaSettings
from pipeline.topics import TOPICS, Topic
from workers.kafka.admin import KafkaAdmin, TopicShape

_FOR_EVER: Final = -1
_LOOKS: Final = 200  # for topics that have just been created, until they are known with their leaders
_LOOK_S: Final = 0.1
# The broker opens what callers compress, and writes it plain: it refuses what it cannot open, and what is larger than
# `max.message.bytes` when it is open, a gzip bomb too (tried with all codecs on Kafka 4.3). So what we read is what
# every client can read.
_COMPRESSION: Final = "uncompressed"
MUST_BE: Final = ("cleanup.policy", "compression.type", "message.timestamp.type", "retention.ms")
_SEGMENTS: Final = 4  # parts of the retention: records go when their whole segment has aged


def shape(topic: Topic, settings: KafkaSettings) -> TopicShape:
    """Give what a topic is created with."""
    configs = {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": topic.cleanup.value,
        "compression.type": _COMPRESSION,
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
    for key, value in wrong(found, wanted).items():
        yield (
            f"topic {name}: {key} is {found.configs.get(key)}, {value} wanted; mend it with: "
            f"kafka-configs.sh --bootstrap-server {settings.bootstrap} --alter --entity-type topics "
            f"--entity-name {name} --add-config {key}={value}"
        )


def wrong(found: TopicShape, wanted: TopicShape) -> dict[str, str]:
    """Give the settings of an existing topic that are not as they must be, with what they must be."""
    return {
        key: wanted.configs[key] for key in MUST_BE if not _serves(key, found.configs.get(key, ""), wanted.configs[key])
    }


async def create_topics(
    settings: KafkaSettings, topics: Collection[Topic] = TOPICS, *, mending: bool = False
) -> tuple[str, ...]:
    """Create what is missing and check what is there; give the names of what was created.

    `mending` sets right what is not as it must be, on a cluster that is ours alone. Raises TopicMismatch, naming every
    difference, and BrokerAway.
    """
    names = [topic.name for topic in topics]
    async with KafkaAdmin(settings) as admin:
        there = await admin.shapes(names)
        created = await admin.create(
            {topic.name: shape(topic, settings) for topic in topics if topic.name not in there}
        )
        there = await _appeared(admin, names)
        if mending:
            there = await _mended(admin, topics, there, settings)
    if differences := [line for topic in topics for line in mismatches(topic, there[topic.name], settings)]:
        raise TopicMismatch("\n".join(differences))
    return created


async def _mended(
    admin: KafkaAdmin, topics: Collection[Topic], there: dict[str, TopicShape], settings: KafkaSettings
) -> dict[str, TopicShape]:
    """Set right the settings of topics that are there, as an older release of ours has made them."""
    wanted = {topic.name: shape(topic, settings) for topic in topics}
    amiss = {name: one.configs for name, one in wanted.items() if wrong(there[name], one)}
    if not amiss:
        return there
    await admin.configure(amiss)
    return {name: replace(one, configs={**one.configs, **amiss.get(name, {})}) for name, one in there.items()}


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

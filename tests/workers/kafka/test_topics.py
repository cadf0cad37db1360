from dataclasses import replace

import pytest

from pipeline.records.topics import REQUESTS, TOPICS
from pipeline.settings import KafkaSettings
from workers.kafka.status import TopicShape
from workers.kafka.topics import mismatches, shape

SETTINGS = KafkaSettings(bootstrap="kafka-1:9092", prefix="eu.", partitions=8, min_insync=2)
RIGHT = shape(REQUESTS, SETTINGS)


def changed(**configs: str) -> TopicShape:
    named = {name.replace("_", "."): value for name, value in configs.items()}
    return replace(RIGHT, configs={**RIGHT.configs, **named})


def test_topics_are_stamped_by_the_broker_and_kept_as_long_as_they_say() -> None:
    assert RIGHT.configs == {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": "3600000",
        "segment.ms": "900000",
        "min.insync.replicas": "2",
    }


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_as_we_make_it_is_right(topic: object) -> None:
    assert isinstance(topic, type(REQUESTS))
    assert list(mismatches(topic, shape(topic, SETTINGS), SETTINGS)) == []


@pytest.mark.parametrize(
    "found",
    [replace(RIGHT, partitions=12), changed(retention_ms="3600001"), changed(retention_ms="-1")],
)
def test_more_than_wanted_is_fine(found: TopicShape) -> None:
    assert list(mismatches(REQUESTS, found, SETTINGS)) == []


def test_fewer_partitions_are_named_with_the_command_that_mends_it() -> None:
    (difference,) = mismatches(REQUESTS, replace(RIGHT, partitions=4), SETTINGS)

    assert difference == (
        "topic eu.otp.requests: 4 partitions, at least 8 wanted; mend it with: "
        "kafka-topics.sh --bootstrap-server kafka-1:9092 --alter --topic eu.otp.requests --partitions 8"
    )


@pytest.mark.parametrize(
    ("key", "found", "wanted"),
    [
        ("cleanup.policy", "compact", "delete"),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("retention.ms", "60000", "3600000"),
    ],
)
def test_another_policy_is_named_with_the_command_that_mends_it(key: str, found: str, wanted: str) -> None:
    topic = replace(RIGHT, configs={**RIGHT.configs, key: found})

    (difference,) = mismatches(REQUESTS, topic, SETTINGS)

    assert difference == (
        f"topic eu.otp.requests: {key} is {found}, {wanted} wanted; mend it with: kafka-configs.sh "
        "--bootstrap-server kafka-1:9092 --alter --entity-type topics --entity-name eu.otp.requests "
        f"--add-config {key}={wanted}"
    )

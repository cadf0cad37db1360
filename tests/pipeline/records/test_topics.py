"""Every topic: name, key, partitions, retention, record."""

from datetime import timedelta

from pipeline.records import Record
from pipeline.records.topics import RETRY_TIERS, TOPICS, Cleanup


def test_names_are_otp_and_a_noun() -> None:
    assert all(topic.name.startswith("otp.") for topic in TOPICS)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_record_has_a_topic() -> None:
    assert {topic.record for topic in TOPICS} == set(Record.__args__)


def test_only_compacted_topics_are_kept_for_ever() -> None:
    assert all(topic.retention or topic.cleanup is Cleanup.COMPACT for topic in TOPICS)


def test_name_of_a_tier_tells_its_delay() -> None:
    assert [tier.name for tier in RETRY_TIERS] == [
        f"otp.retry.{tier.delay // timedelta(seconds=1)}s" for tier in RETRY_TIERS
    ]


def test_codes_outlive_neither_requests_nor_retries() -> None:
    longest_life = timedelta(seconds=600)
    assert all(tier.retention is not None and tier.retention > longest_life for tier in RETRY_TIERS)

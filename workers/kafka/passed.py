"""Batches that cannot be opened: counted, told, and passed over."""

from collections import Counter
from datetime import UTC, datetime

from pipeline.incidents.happenings import unreadable_batch
from pipeline.records import encode
from pipeline.records.topics import INCIDENTS
from workers.kafka.producer import KafkaProducer
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("kafka")


def log_passed(record: Record) -> None:
    """Say where the batch ends, and why it cannot be opened."""
    log.error(
        "batch.unreadable",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=record.unreadable,
    )


class PassedOver:
    """Makes an incident of each batch; whoever meets it later or elsewhere makes the same one."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self.batches: Counter[str] = Counter()  # by topic

    def __call__(self, record: Record) -> None:
        """Tell of a batch."""
        log_passed(record)
        self.batches[record.topic] += 1
        appended_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        told = unreadable_batch(record.topic, record.partition, record.offset, record.unreadable or "", appended_at)
        self._producer.send(INCIDENTS.name, told.incident_id, encode(told))

"""The checker: reads the callers' journal, the carriers' journal and the topics, and counts.

It takes no part in the system that it judges.
"""

from pathlib import Path
from typing import TypeVar

from pipeline.errors import InvalidMessage
from pipeline.records import Attempt, DeadLetter, Receipt, Record, Verification, decode
from pipeline.records.topics import ATTEMPTS, DEAD, RECEIPTS, VERIFICATIONS, Topic
from pipeline.reports.figures import Evidence, Figures, count
from pipeline.settings import KafkaSettings
from workers.embedded.callers_journal import read_callers, read_carriers
from workers.kafka import KafkaAdmin

R = TypeVar("R", bound=Record)


async def check(kafka: KafkaSettings, *, callers: Path, carriers: Path) -> Figures:
    """Count what became of the requests. Raises OSError when a journal cannot be read, BrokerAway without Kafka."""
    asked, entered = read_callers(callers)
    async with KafkaAdmin(kafka) as admin:
        evidence = Evidence(
            asked=asked,
            arrived=read_carriers(carriers),
            verified=frozenset(row.request_id for row in entered if row.verified),
            attempts=await _all(admin, ATTEMPTS, Attempt),
            receipts=await _all(admin, RECEIPTS, Receipt),
            verifications=await _all(admin, VERIFICATIONS, Verification),
            dead=await _all(admin, DEAD, DeadLetter),
        )
    return count(evidence)


async def _all(admin: KafkaAdmin, topic: Topic, kind: type[R]) -> list[R]:
    """Read a topic to its end. What is not of its kind there is not ours."""
    records = []
    async for record in admin.read(topic.name):
        try:
            records.append(decode(kind, record.value))
        except InvalidMessage:
            continue
    return records

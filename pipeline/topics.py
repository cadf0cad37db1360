"""Every topic: name, key, partitions, retention, record."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pipeline.records import Attempt, DeadLetter, OtpRequest, Receipt, Record, Retry, Verification

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


class Cleanup(StrEnum):
    """Kafka's `cleanup.policy`."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. The broker stamps its records on append (`message.timestamp.type=LogAppendTime`)."""

    name: str
    key: str
    record: type[Record]
    retention: timedelta | None  # None: kept for ever, which only a compacted topic may be
    cleanup: Cleanup = Cleanup.DELETE
    delay: timedelta = timedelta(0)  # how long after its append a record is due
    purpose: str


REQUESTS: Final = Topic(
    name="otp.requests",
    key="request_id",
    record=OtpRequest,
    retention=HOUR,
    purpose="one-time codes to send",
)
RETRY_TIERS: Final = tuple(
    Topic(
        name=f"otp.retry.{seconds}s",
        key="request_id",
        record=Retry,
        retention=HOUR,
        delay=timedelta(seconds=seconds),
        purpose=f"requests to be looked at again {seconds} s after they were written",
    )
    for seconds in (2, 10, 30)
)
ATTEMPTS: Final = Topic(
    name="otp.attempts",
    key="request_id",
    record=Attempt,
    retention=7 * DAY,
    purpose="hand-overs to providers, with their outcome",
)
RECEIPTS: Final = Topic(
    name="otp.receipts",
    key="request_id",
    record=Receipt,
    retention=7 * DAY,
    purpose="delivery receipts from providers",
)
VERIFICATIONS: Final = Topic(
    name="otp.verifications",
    key="request_id",
    record=Verification,
    retention=7 * DAY,
    purpose="codes that people entered",
)
DEAD: Final = Topic(
    name="otp.dead",
    key="request_id",
    record=DeadLetter,
    retention=DAY,
    purpose="what cannot be sent, with the reason",
)

DISPATCH_GROUP: Final = "otp.dispatch"  # the consumer group of requests and retries

TOPICS: Final = (REQUESTS, *RETRY_TIERS, ATTEMPTS, RECEIPTS, VERIFICATIONS, DEAD)

"""Every topic: name, key, partitions, retention, record."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pipeline.records import (
    Attempt,
    DeadLetter,
    Expired,
    Incident,
    Order,
    OtpRequest,
    Receipt,
    Record,
    RefusedRequest,
    Resolution,
    Retry,
    RouteTable,
    Tally,
    Verification,
)

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
    partitions: int | None = None  # none: as many as the settings say
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
RESOLUTIONS: Final = Topic(
    name="otp.resolutions",
    key="letter",
    record=Resolution,
    retention=2 * DAY,  # longer than that of what they are about: a letter without one is open
    partitions=1,  # so that of two about one letter the later one is known
    purpose="what operators did with dead letters",
)
EXPIRED: Final = Topic(
    name="otp.expired",
    key="request_id",
    record=Expired,
    retention=DAY,
    purpose="codes whose life ended before any provider had them, so that their callers may offer another one",
)
REFUSED: Final = Topic(
    name="otp.refused",
    key="request_id",
    record=RefusedRequest,
    retention=DAY,
    purpose="records of callers that nothing was sent for, with the reason",
)

TALLIES: Final = Topic(
    name="otp.tallies",
    key="topic/partition",
    record=Tally,
    retention=HOUR,
    partitions=1,  # one reader merges all of them
    purpose="what each partition of attempts, receipts and verifications holds, by send second and route",
)


def _compacted(name: str, key: str, record: type[Record], purpose: str) -> Topic:
    """Give a topic of which the newest record of each key is kept, in one partition, which all readers read."""
    return Topic(
        name=name, key=key, record=record, retention=None, cleanup=Cleanup.COMPACT, partitions=1, purpose=purpose
    )


ROUTES: Final = _compacted("otp.routes", "country", RouteTable, "where the messages of each country go, and why")
INCIDENTS: Final = _compacted("otp.incidents", "incident_id", Incident, "what went wrong, and what was done about it")
CONTROL: Final = _compacted("otp.control", "order_id", Order, "what operators have ordered")

DISPATCH_GROUP: Final = "otp.dispatch"  # the consumer group of requests, retries and reports

STATS_GROUP: Final = "otp.stats"  # that of what is counted

COUNTED: Final = (ATTEMPTS, RECEIPTS, VERIFICATIONS)  # what the statistics are made of
TOPICS: Final = (
    REQUESTS,
    *RETRY_TIERS,
    *COUNTED,
    DEAD,
    RESOLUTIONS,
    EXPIRED,
    REFUSED,
    TALLIES,
    ROUTES,
    INCIDENTS,
    CONTROL,
)
CONSUMED_BY: Final = {
    DISPATCH_GROUP: (REQUESTS, *RETRY_TIERS, VERIFICATIONS),
    STATS_GROUP: COUNTED,
}  # by consumer group

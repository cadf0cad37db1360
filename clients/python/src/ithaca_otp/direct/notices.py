"""What Ithaca tells its callers on Kafka: what nothing was sent for."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from ithaca_otp.direct.faults import translated

REFUSED: Final = "otp.refused"
EXPIRED: Final = "otp.expired"
GROUPS: Final = "caller."  # how the names of callers' consumer groups begin, by the rights that they have
_WAIT_MS: Final = 1000
_MOST: Final = 500  # records of one look: bounds what is told again after a crash


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A record of this caller that nothing is sent for, and why. It may be told of more than once."""

    request_id: str | None  # none: the record could not be read
    reason: str  # such as too_soon; docs/how-to/direct-door.md of Ithaca says for each what to do
    detail: str  # names the field and what is wrong with it, never its content
    resend: int  # the record's: 0 is the request itself
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A code of this caller that no provider ever had. Offer a new request; a resend comes too late."""

    request_id: str
    purpose: str
    expired_at: datetime
    reason: str  # why it was not sent while it lived


N = TypeVar("N", RefusedRequest, Expired)


def refused(told: Mapping[str, Any]) -> RefusedRequest:
    """Read a record of `otp.refused`."""
    return RefusedRequest(
        request_id=told.get("request_id"),
        reason=told["reason"],
        detail=told["detail"],
        resend=told.get("resend", 0),
        at=datetime.fromisoformat(told["at"]),
    )


def expired(told: Mapping[str, Any]) -> Expired:
    """Read a record of `otp.expired`."""
    return Expired(
        request_id=told["request_id"],
        purpose=told["purpose"],
        expired_at=datetime.fromisoformat(told["expired_at"]),
        reason=told["reason"],
    )


async def notices(
    connection: Mapping[str, Any], *, prefix: str, topic: str, caller: str, read: Callable[[Mapping[str, Any]], N]
) -> AsyncGenerator[N, None]:
    """Give what a topic tells one caller, from what Kafka still has, and on.

    All processes of a caller share the work: its group is `caller.<caller>.<topic>`. What was given counts as read
    when the next look begins. Raises Unavailable and Failed.
    """
    group = f"{GROUPS}{caller}.{prefix}{topic}"
    consumer = AIOKafkaConsumer(
        prefix + topic,
        **connection,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        while True:
            fetched = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST)
            for record in (record for records in fetched.values() for record in records):
                notice = json.loads(record.value)
                if notice.get("caller") == caller:
                    yield read(notice)
            if fetched:
                with suppress(CommitFailedError, IllegalStateError):  # another process reads on, and tells it again
                    await consumer.commit()
    except KafkaError as error:
        raise translated(error, f"cannot read {prefix}{topic} in the consumer group {group}") from None
    finally:
        await consumer.stop()

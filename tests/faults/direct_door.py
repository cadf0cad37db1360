"""The direct door as a careless producer uses it: any bytes, any key, any partition, any number of times."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer
from msgspec.structs import replace

from pipeline.message.phone import seal
from pipeline.records import Origin, OtpRequest
from pipeline.records.topics import REQUESTS
from pipeline.settings import Settings
from tests.faults.drill import Drill

CALLER: Final = "demo"
BY_KEY: Final = -1  # librdkafka's number for it
WITHIN_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One record to produce. Without a partition it follows its key."""

    value: bytes | None
    key: bytes | None = None
    partition: int = BY_KEY


def request(settings: Settings, number: str, **changes: Any) -> OtpRequest:
    """Make a request as an auth service would, sealed, for 300 s from now."""
    request_id = secrets.token_urlsafe(16)
    kid, key = next(iter(settings.callers[CALLER].seal_keys.items()))
    issued_at = datetime.now(UTC)
    made = OtpRequest(
        request_id=request_id,
        caller=CALLER,
        to=seal(number, caller=CALLER, request_id=request_id, kid=kid, key=key),
        purpose="login",
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=300),
    )
    return replace(made, **changes)


async def produce(it: Drill, records: Sequence[Raw]) -> list[Origin]:
    """Produce to `otp.requests`, and tell where each record is when the broker has all of them."""
    return await asyncio.to_thread(_produce, it.kafka.bootstrap, records)


def _produce(bootstrap: str, records: Sequence[Raw]) -> list[Origin]:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    places: dict[int, Origin] = {}

    def note(index: int, error: KafkaError | None, message: "Message[bytes, bytes]") -> None:
        assert error is None, error
        offset, partition = message.offset(), message.partition()
        assert offset is not None
        assert partition is not None
        places[index] = Origin(topic=REQUESTS.name, partition=partition, offset=offset)

    for index, record in enumerate(records):
        producer.produce(REQUESTS.name, record.value, record.key, record.partition, partial(note, index))
    assert producer.flush(WITHIN_S) == 0
    return [places[index] for index in range(len(records))]

"""Sealed requests, made beforehand and produced in a burst; and when they are done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.errors import PipelineError
from pipeline.message.phone import seal
from pipeline.records import OtpRequest, encode
from pipeline.records.topics import REQUESTS
from pipeline.settings import KafkaSettings, Settings
from workers.kafka import KafkaProducer

LIFE: Final = timedelta(seconds=300)
NUMBERS: Final = 1000  # +44 7700 900000 to 900999: Ofcom keeps them for drama
LOOK_EVERY_S: Final = 0.1
GIVE_UP_S: Final = 300.0


class NotDone(PipelineError):
    """A measurement does not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request as it goes on the topic."""

    request_id: str
    to: str = field(repr=False)
    expires_at: datetime
    value: bytes = field(repr=False)


def make(settings: Settings, tag: str, count: int) -> list[Encoded]:
    """Make sealed requests whose ids begin with the tag; each has a purpose of its own, so that none voids another."""
    caller, (kid, key) = next((name, next(iter(one.seal_keys.items()))) for name, one in settings.callers.items())
    issued_at = datetime.now(UTC)
    requests = []
    for turn in range(count):
        request_id = f"{tag}-{turn:07d}-bench-bench"
        request = OtpRequest(
            request_id=request_id,
            caller=caller,
            to=seal(number(turn), caller=caller, request_id=request_id, kid=kid, key=key),
            purpose=f"login-{turn}",
            issued_at=issued_at,
            expires_at=issued_at + LIFE,
        )
        requests.append(
            Encoded(request_id=request_id, to=number(turn), expires_at=request.expires_at, value=encode(request))
        )
    return requests


def number(turn: int) -> str:
    """Give a phone number that no one has."""
    return f"+447700900{turn % NUMBERS:03d}"


async def produce(
    kafka: KafkaSettings, requests: Sequence[Encoded], acknowledged: Callable[[Encoded], None] = lambda _: None
) -> None:
    """Produce all of them as quickly as Kafka takes them; returns when it has them."""
    producer = KafkaProducer(kafka)
    await producer.start()
    sent = [producer.send(REQUESTS.name, one.request_id, one.value) for one in requests]
    for one, ack in zip(requests, sent, strict=True):
        await ack
        acknowledged(one)
    await producer.stop()


async def until(what: str, holds: Callable[[], Awaitable[bool]], limit_s: float = GIVE_UP_S) -> None:
    """Look again and again until something holds. Raises NotDone."""
    try:
        async with asyncio.timeout(limit_s):
            while not await holds():  # noqa: ASYNC110 - the end of other processes' work is no event of this loop
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise NotDone(f"not so after {limit_s:g} s: {what}; look at the logs") from None

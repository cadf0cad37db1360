"""Dead letters on their topic, and what became of them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import structs

from pipeline.dead_letters.letters import LetterFilter
from pipeline.errors import DeadReason
from pipeline.records import DeadLetter, encode
from pipeline.records.topics import DEAD, Topic
from pipeline.settings import Settings
from tests.pipeline.dead_letters.dead import REQUEST, a_dead_letter
from workers.kafka import KafkaAdmin, KafkaProducer
from workers.operator_actions.dead_letters import read

NOWHERE = "127.0.0.1:1"
ANYTHING = LetterFilter()


def a_letter(number: int, age_s: float = 10, reason: DeadReason = DeadReason.EXHAUSTED) -> DeadLetter:
    """Give the letter of a request that was issued so long ago, and lives for 300 s."""
    issued_at = datetime.now(UTC) - timedelta(seconds=age_s)
    expires_at = issued_at + timedelta(seconds=300)
    request_id = f"request-{number:012}"
    return a_dead_letter(
        reason=reason,
        at=issued_at + timedelta(seconds=5, milliseconds=number),
        request_id=request_id,
        request=structs.replace(REQUEST, request_id=request_id, issued_at=issued_at, expires_at=expires_at),
        starts_at=issued_at,
        deadline_at=expires_at,
        source=f"otp.requests/0/{number}",
    )


async def write(settings: Settings, letters: Sequence[DeadLetter], *raw: bytes) -> None:
    producer = KafkaProducer(settings.kafka)
    await producer.start()
    records = [(letter.request_id or "", encode(letter)) for letter in letters] + [("", value) for value in raw]
    await asyncio.gather(*(producer.send(DEAD.name, key, value) for key, value in records))
    await producer.stop()


async def values(settings: Settings, topic: Topic) -> list[bytes | None]:
    async with KafkaAdmin(settings.kafka) as admin:
        return [record.value async for record in admin.read(topic.name)]


async def states(settings: Settings) -> list[str]:
    return [letter.state.value for letter in (await read(settings.kafka)).letters]

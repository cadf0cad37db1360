"""Writing many records that follow from dead letters, in chunks that Kafka acknowledges in time or not at all."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Final

from pipeline.dead_letters.letters import Letter, resolved
from pipeline.records import LetterState, encode
from pipeline.records.topics import RESOLUTIONS
from pipeline.settings import KafkaSettings
from workers.kafka import KafkaProducer
from workers.operator_actions.waiting import in_time

CHUNK: Final = 500  # letters that are written together: what is written once more after a kill
UNACKNOWLEDGED: Final = (
    "Kafka: it does not acknowledge what is written; once it answers, do the same again: nothing is sent twice"
)

Written = tuple[str, str, bytes]  # topic, key, value


def chunks(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Give the first letter alone: the broker's time is known from its acknowledgement on."""
    rest = iter(letters)
    yield list(islice(rest, 1))
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def resolution(letter: Letter, state: LetterState, now: datetime, author: str) -> Written:
    """Give the record of what was done with a letter."""
    resolution = resolved(letter, state, now, author)
    return RESOLUTIONS.name, resolution.letter, encode(resolution)


@asynccontextmanager
async def producing(kafka: KafkaSettings, since: datetime) -> AsyncIterator[KafkaProducer]:
    """Give a producer whose clock knows the broker's time at least as `since`. Raises BrokerAway."""
    producer = KafkaProducer(kafka)
    producer.clock.witness(int(since.timestamp() * 1000))
    try:
        async with in_time(UNACKNOWLEDGED):
            await producer.start()
        yield producer
    finally:
        await producer.stop()


async def write(producer: KafkaProducer, records: Iterable[Written]) -> None:
    """Write records, and wait until Kafka has all of them. Raises BrokerAway."""
    acknowledged = [producer.send(*record) for record in records]
    async with in_time(UNACKNOWLEDGED):
        await asyncio.gather(*acknowledged)

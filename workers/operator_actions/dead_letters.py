"""What is on the topic of dead letters, read with what was done with each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline.dead_letters.letters import Letter, LetterFilter, filed
from pipeline.errors import InvalidMessage
from pipeline.records import DeadLetter, Origin, Record, Resolution, decode
from pipeline.records.topics import DEAD, RESOLUTIONS
from pipeline.settings import KafkaSettings
from workers.kafka import BrokerClock, KafkaAdmin

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQueue:
    """What is on the topic of dead letters."""

    letters: Sequence[Letter]  # newest first
    broken: int  # records that are no dead letters
    now: datetime  # broker time, as far as reading tells it

    def find(self, wanted: LetterFilter) -> list[Letter]:
        """Give the letters that are meant, newest first, whatever was done with them."""
        return [letter for letter in self.letters if wanted.matches(letter, self.now)]


async def read(kafka: KafkaSettings) -> DeadLetterQueue:
    """Read all dead letters, and what was done with them. Raises BrokerAway."""
    clock, broken = BrokerClock(), 0
    letters: list[tuple[Origin, DeadLetter]] = []
    resolutions: list[Resolution] = []
    async with KafkaAdmin(kafka) as admin:
        async for record in admin.read(DEAD.name):
            clock.witness(record.timestamp_ms)
            if letter := _decoded(DeadLetter, record.value):
                place = Origin(topic=record.topic, partition=record.partition, offset=record.offset)
                letters.append((place, letter))
            else:
                broken += 1
        async for record in admin.read(RESOLUTIONS.name):
            clock.witness(record.timestamp_ms)
            if resolution := _decoded(Resolution, record.value):
                resolutions.append(resolution)
    return DeadLetterQueue(letters=filed(letters, resolutions), broken=broken, now=clock.now())


def _decoded(kind: type[R], value: bytes | None) -> R | None:
    try:
        return decode(kind, value)
    except InvalidMessage:
        return None

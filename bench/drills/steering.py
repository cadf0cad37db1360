"""What the system says while a drill runs: its route tables and incidents, as they come."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import orjson

from bench.drills.moves import Seen
from pipeline.errors import InvalidMessage
from pipeline.records import Incident, RouteTable, decode, encode
from pipeline.records.topics import INCIDENTS, ROUTES, Topic
from pipeline.settings import KafkaSettings
from workers.embedded.together import together
from workers.kafka import KafkaAdmin
from workers.loop import Record

MILLI: Final = 1000


class Steering:
    """Tables and incidents since the start of the system. `journal` is a file for whoever looks closer."""

    def __init__(self, journal: Path) -> None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        self._journal = journal.open("ab", buffering=0)
        self.seen: list[Seen] = []
        self.tables: dict[str, RouteTable] = {}  # the newest of each country
        self.told: list[tuple[float, Incident]] = []  # all that was told of incidents, and when; epoch seconds

    @asynccontextmanager
    async def following(self, kafka: KafkaSettings) -> AsyncIterator[None]:
        """Follow both topics inside the block. Raises BrokerAway at its end if they could not be followed to there."""
        async with KafkaAdmin(kafka) as admin:
            following = asyncio.create_task(
                together([_follow(admin, ROUTES, self.take_table), _follow(admin, INCIDENTS, self.take_incident)])
            )
            try:
                yield
            finally:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await following
                self.close()

    def take_table(self, record: Record) -> None:
        """Note a table. What is none is not ours."""
        with contextlib.suppress(InvalidMessage):
            table = decode(RouteTable, record.value)
            came_at, appended_at = self._note(record, encode(table))
            self.seen.append(Seen(came_at=came_at, appended_at=appended_at, table=table))
            self.tables[table.country] = table

    def take_incident(self, record: Record) -> None:
        """Note what is told of an incident."""
        with contextlib.suppress(InvalidMessage):
            incident = decode(Incident, record.value)
            came_at, _ = self._note(record, encode(incident))
            self.told.append((came_at, incident))

    def incidents(self, until: float) -> list[Incident]:
        """Give each incident as it was told last by an instant, in the order of their opening."""
        return list({incident.incident_id: incident for at, incident in self.told if at <= until}.values())

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _note(self, record: Record, document: bytes) -> tuple[float, float]:
        came_at, appended_at = time.time(), record.timestamp_ms / MILLI
        row = {"came_at": came_at, "appended_at": appended_at, record.topic: orjson.Fragment(document)}
        self._journal.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        return came_at, appended_at


async def _follow(admin: KafkaAdmin, topic: Topic, take: Callable[[Record], None]) -> None:
    """Give every record of a topic of one partition once, from its beginning on."""
    async with admin.following(topic.name) as records:
        newest = -1
        async for record in admin.read(topic.name):
            take(record)
            newest = record.offset
        async for record in records:
            if record.offset > newest:
                take(record)

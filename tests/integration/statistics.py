"""Statistics processes on a real broker, and a log whose counts are known beforehand."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from pipeline.evidence.routes import Evidence
from pipeline.records import Receipt, ReceiptState, RouteTable, Tally, Verdict, Verification, decode
from pipeline.records import encode as encoded
from pipeline.records.topics import ATTEMPTS, COUNTED, RECEIPTS, ROUTES, TALLIES, TOPICS, VERIFICATIONS, Topic
from pipeline.settings import KafkaSettings
from tests.samples import ATTEMPT
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import http_ready
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics
from workers.loop import Record

PROVIDERS: Final = ("carrier-a", "carrier-b", "carrier-c")  # of the development settings
COUNTRIES: Final = ("GB", "US")
WITHIN_S: Final = 40.0
LOOK_S: Final = 0.1

Cells = Counter[tuple[int, str, str, str]]  # send second, provider, country, field of Counts


@dataclass
class Log:
    """Produces records of the counted topics, and knows what they come to."""

    producer: KafkaProducer
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    cells: Cells = field(default_factory=Counter)  # of what is acknowledged
    records: int = 0

    async def write(self, count: int) -> None:
        """Write so many records of all three kinds, at once."""
        made = [self._make() for _ in range(count)]
        await asyncio.gather(*(self.send(topic, encoded(record)) for topic, record in made))
        for topic, record in made:
            self.cells[int(record.sent_at.timestamp()), record.provider, record.country, FIELDS[topic]] += 1

    async def trickle(self, *, per_s: int, seconds: float) -> None:
        """Write at a rate."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.write(per_s // 20)
            await asyncio.sleep(0.05)  # the rate itself

    async def send(self, topic: Topic, value: bytes) -> None:
        """Write one record of any kind."""
        self.records += 1
        await self.producer.send(topic.name, f"key-{self.records}", value)

    def _make(self) -> tuple[Topic, Any]:
        sent_at = datetime.fromtimestamp(time.time() - self.dice.uniform(0, 30), UTC)
        route = {"provider": self.dice.choice(PROVIDERS), "country": self.dice.choice(COUNTRIES), "sent_at": sent_at}
        topic = self.dice.choice(COUNTED)
        return topic, msgspec.structs.replace(RECORDS[topic], **route)


RECEIPT: Final = Receipt(
    request_id=ATTEMPT.request_id,
    number=1,
    provider="carrier-a",
    country="GB",
    state=ReceiptState.DELIVERED,
    raw="delivered",
    sent_at=ATTEMPT.sent_at,
    received_at=ATTEMPT.sent_at,
    config="config",
)
ENTRY: Final = Verification(
    request_id=ATTEMPT.request_id,
    caller="shop",
    verdict=Verdict.VERIFIED,
    provider="carrier-a",
    country="GB",
    sent_at=ATTEMPT.sent_at,
    config="config",
    at=ATTEMPT.sent_at,
)


RECORDS: Final[dict[Topic, Any]] = {ATTEMPTS: ATTEMPT, RECEIPTS: RECEIPT, VERIFICATIONS: ENTRY}
FIELDS: Final = {ATTEMPTS: "accepted", RECEIPTS: "delivered", VERIFICATIONS: "verified"}  # by which each is counted


class Statistics:
    """The topics of one test, and the processes that count them."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self._ports: dict[str, int] = {}

    @asynccontextmanager
    async def log(self) -> AsyncIterator[Log]:
        """Give a log to write to."""
        producer = KafkaProducer(self.kafka)
        await producer.start()
        try:
            yield Log(producer)
        finally:
            await producer.stop()

    @asynccontextmanager
    async def process(self, name: str, **settings: str) -> AsyncIterator[Process]:
        """Run a statistics process while the block runs; it is ready when the block begins."""
        process = self._process(name, settings)
        try:
            process.spawn()
            await process.wait_ready()
            yield process
        finally:
            await process.stop()

    async def figures(self, name: str) -> dict[str, Any]:
        """Read what `/readyz` of a process says."""
        async with aiohttp.ClientSession() as http, http.get(self._url(name)) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def records(self, topic: Topic) -> list[Record]:
        """Read a whole topic."""
        async with KafkaAdmin(self.kafka) as admin:
            return [record async for record in admin.read(topic.name)]

    async def tallies(self) -> list[Tally]:
        """Read all tallies."""
        return [decode(Tally, record.value) for record in await self.records(TALLIES)]

    async def tables(self) -> list[RouteTable]:
        """Read all tables."""
        return [decode(RouteTable, record.value) for record in await self.records(ROUTES)]

    async def counted(self) -> Cells:
        """Wait until everything that is on the topics now is counted, and tell what it comes to."""
        async with KafkaAdmin(self.kafka) as admin:
            statuses = await admin.topics([topic.name for topic in COUNTED])
        ends = {(status.name, number): end for status in statuses for number, end in status.ends.items()}
        tallies: list[Tally] = []

        async def all_told() -> bool:
            tallies[:] = await self.tallies()
            told = {(tally.topic, tally.partition): tally.position for tally in tallies}
            return all(told.get(source, 0) >= end for source, end in ends.items())

        await until("everything is counted", all_told)
        return cells_of(tallies)

    def _process(self, name: str, settings: dict[str, str]) -> Process:
        if name not in self._ports:
            (self._ports[name],) = choose_ports(self.folder / f"{name}.port.json", 1)
        ours = {
            "ITHACA_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "ITHACA_KAFKA__PREFIX": self.kafka.prefix,
            "ITHACA_KAFKA__SESSION_TIMEOUT_S": f"{self.kafka.session_timeout_s:g}",
            "ITHACA_KAFKA__PARTITIONS": str(self.kafka.partitions),
            "ITHACA_ADMIN__PORT": str(self._ports[name]),
        }
        outside = {key: value for key, value in os.environ.items() if not key.startswith("ITHACA_")}
        spec = ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", "workers", "run", "stats"),
            ready=http_ready(self._url(name)),
            env={**outside, **ours, **settings},
        )
        return Process(spec, self.folder / f"{name}.log")

    def _url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self._ports[name]}/readyz"


def cells_of(tallies: Iterable[Tally]) -> Cells:
    """Merge tallies as the decider does."""
    evidence = Evidence()
    for tally in tallies:
        evidence.take(tally)
    return Counter(
        {
            (second, provider, country, name): count
            for (provider, country), route in evidence.routes.items()
            for second, buckets in route.seconds.items()
            for name in FIELDS.values()
            if (count := sum(getattr(bucket, name) for bucket in buckets.values()))
        }
    )


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


async def until(what: str, condition: Callable[[], Any], within_s: float = WITHIN_S) -> float:
    """Wait for a condition, and tell how long it took."""
    began = time.monotonic()
    while True:
        met = condition()
        if await met if asyncio.iscoroutine(met) else met:
            return time.monotonic() - began
        assert time.monotonic() - began < within_s, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def statistics(
    bootstrap: str, prefix: str, folder: Path, *, session_timeout_s: float = 2.0, partitions: int = 4
) -> AsyncIterator[Statistics]:
    """Make the topics of a test."""
    kafka = KafkaSettings(
        bootstrap=bootstrap, prefix=prefix, partitions=partitions, session_timeout_s=session_timeout_s
    )
    await create_topics(kafka, TOPICS)
    yield Statistics(kafka, folder)

"""What faust must do for the statistics: bring every record, and commit only what is done."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import pytest

from pipeline.errors import CannotGoOn
from pipeline.evidence.routes import Source
from pipeline.records.topics import ATTEMPTS, COUNTED
from pipeline.settings import KafkaSettings
from tests.integration.statistics import until
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics
from workers.stats.seam import Done
from workers.stats.stream import Stream

COUNT = 300


class Taking:
    """Takes what comes, and does with it what a test says."""

    def __init__(self) -> None:
        self.taken: defaultdict[Source, list[int]] = defaultdict(list)
        self.done: dict[tuple[Source, int], Done] = {}
        self.skipped: list[tuple[Source, int, int]] = []
        self.sources: Collection[Source] = ()
        self.failing: Exception | None = None

    async def take(self, source: Source, offset: int, appended_at: float, value: bytes | None, done: Done) -> None:
        if self.failing:
            raise self.failing
        assert appended_at > 0
        assert value == b"%d" % offset
        self.taken[source].append(offset)
        self.done[source, offset] = done

    async def skip(self, source: Source, first: int, last: int, done: Done) -> None:
        self.skipped.append((source, first, last))
        self.done[source, last] = done

    def assigned(self, sources: Collection[Source]) -> None:
        self.sources = sources

    def revoked(self) -> None:
        self.sources = ()


@pytest.fixture
async def kafka_settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=1, session_timeout_s=2.0)
    await create_topics(settings, COUNTED)
    producer = KafkaProducer(settings)
    await producer.start()
    sends = [producer.send(topic.name, "key", b"%d" % offset) for topic in COUNTED for offset in range(COUNT)]
    await asyncio.gather(*sends)
    await producer.stop()
    return settings


@asynccontextmanager
async def taking(settings: KafkaSettings) -> AsyncIterator[tuple[Taking, Stream]]:
    taker = Taking()
    stream = Stream(settings, taker)
    await stream.start()
    try:
        yield taker, stream
    finally:
        await stream.stop()


async def committed(settings: KafkaSettings) -> dict[str, int]:
    async with KafkaAdmin(settings) as admin:
        groups = await admin.groups()
    return {place.topic: COUNT - lag for group in groups for place, lag in group.lag.items()}


async def test_every_record_comes_in_order_and_only_what_is_done_is_committed(kafka_settings: KafkaSettings) -> None:
    async with taking(kafka_settings) as (taker, _):
        assert set(taker.sources) == {(topic.name, 0) for topic in COUNTED}
        await until("all have come", lambda: sum(map(len, taker.taken.values())) == 3 * COUNT)
        assert all(offsets == list(range(COUNT)) for offsets in taker.taken.values())
        for offset in range(100):
            taker.done[(ATTEMPTS.name, 0), offset]()

        async def some() -> bool:
            return (await committed(kafka_settings)).get(ATTEMPTS.name) == 100

        await until("what is done is committed", some)
        assert set((await committed(kafka_settings)).values()) == {100, 0}


async def test_what_a_taker_raises_ends_the_watch_and_nothing_more_is_taken(kafka_settings: KafkaSettings) -> None:
    async with taking(kafka_settings) as (taker, stream):
        taker.failing = CannotGoOn("a defect")
        producer = KafkaProducer(kafka_settings)
        await producer.start()
        await producer.send(ATTEMPTS.name, "key", b"%d" % COUNT)
        with pytest.raises(CannotGoOn, match="a defect"):
            await asyncio.wait_for(stream.watch(), 10)
        before = sum(map(len, taker.taken.values()))
        taker.failing = None
        await producer.send(ATTEMPTS.name, "key", b"%d" % (COUNT + 1))
        await asyncio.sleep(0.5)
        assert sum(map(len, taker.taken.values())) == before
        await producer.stop()

"""Dispatchers follow the route tables on a real broker: wrong ones are refused, and an outage ends by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from pipeline.dispatch.following import Refusal
from pipeline.records import RouteTable, encode
from pipeline.records.topics import ROUTES
from pipeline.settings import KafkaSettings, Settings
from pipeline.settings.parse import parse
from tests.samples import a_route, a_table
from workers.dispatch.process import _following
from workers.dispatch.tables import Tables
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaProducer, create_topics

WITHIN_S: Final = 30.0
DEVELOPMENT: Final = parse()
A, B, C = "carrier-a", "carrier-b", "carrier-c"


def _settings(kafka: EmbeddedKafka, prefix: str = "") -> Settings:
    return replace(DEVELOPMENT, kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix))


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> Settings:
    settings = _settings(kafka, prefix)
    await create_topics(settings.kafka, [ROUTES])
    return settings


@asynccontextmanager
async def _producing(settings: Settings) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(settings.kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def _good(leader: str, revision: int, country: str = "GB") -> RouteTable:
    routes = [a_route(name, float(name == leader)) for name in (A, B, C)]
    return a_table(*routes, revision=revision, country=country, decided_at=datetime.now(UTC))


async def _publish(producer: KafkaProducer, values: Iterable[bytes]) -> None:
    for value in values:
        await producer.send(ROUTES.name, "GB", value)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


def _leader(tables: Tables, country: str = "GB") -> str:
    plan = tables.of(country)
    assert plan
    return max(plan.shares, key=lambda name: plan.shares[name])


async def test_tables_that_are_there_are_known_before_the_first_message(settings: Settings) -> None:
    async with _producing(settings) as producer:
        await _publish(producer, (encode(_good(leader, 1, country)) for leader, country in ((B, "GB"), (C, "DE"))))

        async with _following(settings, producer.clock) as tables:
            assert (_leader(tables), _leader(tables, "DE")) == (B, C)
            assert tables.figures() == {"tables": 2, "stale": [], "refused": {}, "orders": 0}


async def test_wrong_tables_between_good_ones_are_refused_for_their_reasons(settings: Settings) -> None:
    good = encode(_good(C, 2))
    future = datetime.now(UTC) + timedelta(hours=1)
    wrong = {
        good.replace(b'"share":1.0', b'"share":-1.0'): Refusal.INVALID_FIELD,
        good.replace(b'"share":1.0', b'"share":null'): Refusal.INVALID_FIELD,
        good.replace(b'"share":1.0', b'"share":"NaN"'): Refusal.INVALID_FIELD,
        good.replace(b'"share":1.0', b'"share":NaN'): Refusal.UNREADABLE,
        good.replace(b'"share":1.0', b'"share":0.0'): Refusal.SUM,
        good.replace(b"carrier-", b"unknown-"): Refusal.NO_PROVIDER,
        good.replace(b'"v":1', b'"v":9'): Refusal.UNKNOWN_VERSION,
        encode(a_table(a_route(C, 1.0), revision=3, decided_at=future)): Refusal.FUTURE,
        encode(_good(C, 0)): Refusal.OUTDATED,
        b"{": Refusal.UNREADABLE,
        b"": Refusal.UNREADABLE,
    }

    async with _producing(settings) as producer, _following(settings, producer.clock) as tables:
        assert _leader(tables) == A, "as the settings say"
        await _publish(producer, [encode(_good(B, 1)), *wrong])
        await _until(lambda: sum(tables.refused.values()) == len(wrong))
        between = _leader(tables)
        await _publish(producer, [good])
        await _until(lambda: _leader(tables) == C)

    assert between == B
    assert tables.refused == {reason: [*wrong.values()].count(reason) for reason in {*wrong.values()}}


async def test_tables_are_kept_while_kafka_is_away_and_followed_again_when_it_is_back(
    tmp_path: Path, jars: Path
) -> None:
    kafka = EmbeddedKafka(tmp_path, cache=jars)
    await kafka.start()
    settings = _settings(kafka)
    await create_topics(settings.kafka, [ROUTES])
    try:
        async with _producing(settings) as producer, _following(settings, producer.clock) as tables:
            await _publish(producer, [encode(_good(B, 1))])
            await _until(lambda: _leader(tables) == B)
            await kafka.stop()
            tables.look(producer.clock.now() + timedelta(seconds=31))
            away = _leader(tables), tables.figures()["stale"]
            await kafka.start()
            await _publish(producer, [encode(_good(C, 2))])
            await _until(lambda: _leader(tables) == C)
            tables.look(producer.clock.now())

            assert away == (B, ["GB"])
            assert tables.figures() == {"tables": 1, "stale": [], "refused": {}, "orders": 0}
    finally:
        await kafka.stop()

"""Statistics processes that share the counted topics of a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from bench.strange.batches import produce
from bench.strange.caller import delete, transacting, transaction
from pipeline.records import encode
from pipeline.records.topics import ATTEMPTS, RECEIPTS, VERIFICATIONS
from tests.integration.statistics import RECEIPT, WITHIN_S, Statistics, now, statistics, until
from tests.integration.test_strange_batches import UNREADABLE
from tests.samples import ATTEMPT
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin
from workers.stats.decider import FRESH_S, HEARTBEAT_S

SESSION_S = 2.0


@pytest.fixture
async def stats(kafka: EmbeddedKafka, prefix: str, tmp_path: Path) -> AsyncIterator[Statistics]:
    async with statistics(kafka.bootstrap, prefix, tmp_path, session_timeout_s=SESSION_S) as made:
        yield made


async def test_counts_are_the_records_of_the_topics_after_a_join_and_a_kill(stats: Statistics) -> None:
    async with stats.log() as log, stats.process("one") as one:
        await log.trickle(per_s=400, seconds=2)
        async with stats.process("two"):
            await log.trickle(per_s=400, seconds=2)
            one.kill()
            await log.trickle(per_s=400, seconds=SESSION_S + 2)
            async with stats.process("three"):
                await log.trickle(per_s=400, seconds=1)
                counted = await stats.counted()
                await until("all offsets are committed", lambda: nothing_lags(stats))

    assert counted == log.cells


async def nothing_lags(stats: Statistics) -> bool:
    async with KafkaAdmin(stats.kafka) as admin:
        (group,) = await admin.groups()
    return not any(group.lag.values())


async def test_records_that_say_nothing_are_ignored_and_counted_by_their_reason(stats: Statistics) -> None:
    at = now()
    async with stats.log() as log, stats.process("one"):
        for value in (b"no JSON", orjson.dumps({"v": 2})):
            await log.send(ATTEMPTS, value)
        await log.send(ATTEMPTS, encode(replace(ATTEMPT, sent_at=at, test=True)))
        await log.send(ATTEMPTS, encode(replace(ATTEMPT, sent_at=at, provider="carrier-z")))
        await log.send(RECEIPTS, encode(replace(RECEIPT, sent_at=at + timedelta(seconds=60))))
        await log.send(RECEIPTS, encode(replace(RECEIPT, sent_at=at - timedelta(seconds=700))))
        write_null(stats.kafka.bootstrap, stats.kafka.prefix + ATTEMPTS.name)
        counted = await stats.counted()
        figures = await stats.figures("one")

    assert counted == {}
    assert figures["counted"] == 7
    assert figures["ignored"] == {
        "undecodable": 2,
        "unknown_version": 1,
        "test": 1,
        "unknown_provider": 1,
        "future": 1,
        "old": 1,
    }


def write_null(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, None)
    assert producer.flush(WITHIN_S) == 0


async def test_one_of_two_processes_decides_and_the_other_takes_over_within_seconds(stats: Statistics) -> None:
    async with stats.log() as log, stats.process("one") as one, stats.process("two") as two:
        processes = {"one": one, "two": two}
        # A process that a rebalance makes leave records out ends and is started again, which nobody does here.
        await until("each counts its share", lambda: shared(stats, *processes))
        await log.trickle(per_s=100, seconds=2)
        await until("one decides", lambda: deciders(stats, "one", "two"))
        (decider,) = await deciders(stats, "one", "two")
        (other,) = processes.keys() - {decider}
        figures = [await stats.figures(name) for name in processes]
        assert sum(of["partitions"] for of in figures) == 12

        processes[decider].kill()
        killed_at = time.time()
        await until("the other one decides", lambda: deciders(stats, other))
        took_s = time.time() - killed_at
        await until("it has told all tables", lambda: tables_since(stats, killed_at + took_s))
        tables = [table for table in await stats.tables() if table.country == "GB"]

    assert took_s < SESSION_S + 4
    assert all(earlier.revision <= later.revision for earlier, later in pairwise(tables))
    assert all(earlier.decided_at <= later.decided_at for earlier, later in pairwise(tables))
    assert max(later.decided_at - earlier.decided_at for earlier, later in pairwise(tables)) < timedelta(
        seconds=HEARTBEAT_S + SESSION_S + 5
    )


async def shared(stats: Statistics, *names: str) -> bool:
    counts = [(await stats.figures(name))["partitions"] for name in names]
    return all(counts) and sum(counts) == 12


async def deciders(stats: Statistics, *names: str) -> list[str]:
    return [name for name in names if (await stats.figures(name))["deciding"]]


async def tables_since(stats: Statistics, instant: float) -> bool:
    countries = {table.country for table in await stats.tables() if table.decided_at.timestamp() >= instant}
    return countries >= {"GB", "US"}


async def test_whatever_a_caller_writes_counts_follow_from_the_log_and_stay_young(stats: Statistics) -> None:
    topic = stats.kafka.prefix + VERIFICATIONS.name
    ages: list[float] = []

    async def all_is_counted() -> bool:
        figures = await stats.figures("one")
        ages.append(figures["age_s"])
        return figures["lag"] == 0 and await nothing_lags(stats)

    async with stats.log() as log, stats.process("one"), transacting(stats.kafka.bootstrap, topic) as caller:
        await log.write(100)
        for partition in range(stats.kafka.partitions):
            await transaction(caller, topic, [b"no report"], partition=partition)
            await transaction(caller, topic, [b"no report"] * 3, partition=partition, commit=False)
            for made in UNREADABLE.values():
                assert await asyncio.to_thread(produce, stats.kafka.bootstrap, topic, partition, made) == 0
        await log.write(100)
        await until("all is counted", all_is_counted)
        counted = await stats.counted()
        await log.write(100)
        for partition in range(stats.kafka.partitions):
            await delete(stats.kafka.bootstrap, topic, partition, -1)
        await until("what was deleted is no lag", all_is_counted)

    assert sum(counted.values()) == 200
    assert max(ages) < FRESH_S

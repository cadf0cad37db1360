"""Kafka is away under load: the statistics go on when it is back, by themselves and with every record."""

import asyncio
import logging
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pipeline.errors import Outcome
from pipeline.records import Attempt, Receipt, ReceiptState, RouteTable, Tally, Verification, decode
from pipeline.records.topics import ATTEMPTS, COUNTED, RECEIPTS, ROUTES, TALLIES, VERIFICATIONS
from tests.faults.drill import Drill, drill
from tests.integration.statistics import cells_of, statistics, until
from workers.embedded.kafka import EmbeddedKafka
from workers.stats.process import END_S, FAREWELL_S

RATE = 20
WITHIN_S = 45.0  # dispatch itself may take 30 s
TAKEN = {Outcome.ACCEPTED, Outcome.UNKNOWN}

log = logging.getLogger(__name__)


async def expected(it: Drill) -> dict[str, int]:
    """Count on the topics what the statistics must come to."""
    attempts = [decode(Attempt, record.value) for record in await it.records(ATTEMPTS)]
    receipts = [decode(Receipt, record.value) for record in await it.records(RECEIPTS)]
    entries = [decode(Verification, record.value) for record in await it.records(VERIFICATIONS)]
    return {
        "accepted": sum(attempt.outcome in TAKEN for attempt in attempts),
        "delivered": sum(receipt.state is ReceiptState.DELIVERED for receipt in receipts),
        "verified": sum(entry.provider is not None for entry in entries),
    }


async def counted(it: Drill) -> dict[str, int]:
    """Sum up what the statistics have told."""
    told: Counter[str] = Counter()
    tallies = [decode(Tally, record.value) for record in await it.records(TALLIES)]
    for (*_, name), count in cells_of(tallies).items():
        told[name] += count
    return dict(told)


async def decided_after(it: Drill, instant: float) -> bool:
    tables = [decode(RouteTable, record.value) for record in await it.records(ROUTES)]
    return any(table.decided_at.timestamp() > instant for table in tables)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("away_s", [10, 60])
async def test_statistics_go_on_by_themselves_after_a_broker_outage(tmp_path: Path, jars: Path, away_s: float) -> None:
    async with drill(tmp_path, jars) as it:
        people = it.people(rate=RATE, seconds=away_s + 15)
        async with it.asking(people, settle_s=60):
            await it.until(lambda: it.accepted() >= 3 * RATE, 30)
            await it.supervisor.stop_one("kafka")
            await asyncio.sleep(away_s)  # the fault itself
            await it.supervisor.start_one("kafka")
            back_at = time.time()
            await it.until(lambda: decided_after(it, back_at), WITHIN_S)
            log.info("the first table %.1f s after the return", time.time() - back_at)
        await it.drained(60, COUNTED)

        async def all_counted() -> bool:
            return await counted(it) == await expected(it)

        await it.until(all_counted, 20)
        figures = await it.health("stats-1")
        restarts = it.restarts("stats-1")

    log.info("figures %s", figures)
    assert restarts == 0
    assert figures["ignored"].keys() <= {"no_route", "silent", "old"}


@pytest.mark.slow
async def test_process_that_is_told_to_stop_while_the_broker_is_away_ends_soon(
    jars: Path, prefix: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as held:
        kafka = await held.enter_async_context(EmbeddedKafka(tmp_path / "kafka", cache=jars))
        stats = await held.enter_async_context(statistics(kafka.bootstrap, prefix, tmp_path))
        process = await held.enter_async_context(stats.process("one"))
        await kafka.stop()
        process.kill(signal.SIGTERM)
        took_s = await until("it has ended", lambda: not process.running(), FAREWELL_S + END_S + 5)
    log.info("it took %.1f s", took_s)

"""A decider that freezes, wakes up or is gone: whoever decides next knows what the one before knew."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.records import RouteTable, encode
from pipeline.records.topics import ATTEMPTS, RECEIPTS
from tests.integration.statistics import RECEIPT, Log, Statistics, now, statistics, until
from tests.samples import ATTEMPT
from workers.embedded.kafka import EmbeddedKafka

SESSION_S = 2.0
TICK_S = 0.05  # from one message to the next
LEADER = "carrier-a"
OTHERS = ("carrier-b", "carrier-c")


class Carriers:
    """Messages through three carriers, with receipts of delivery a second or two later, until the leader is silent."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._dice = random.Random(3)
        self._receipts: list[tuple[datetime, bytes]] = []
        self.silent = False

    async def send_on(self) -> None:
        """Send for ever."""
        while True:
            await self._send(LEADER if self._dice.random() < 0.5 else self._dice.choice(OTHERS))
            due = [one for one in self._receipts if one[0] <= now()]
            self._receipts = [one for one in self._receipts if one not in due]
            for _, value in due:
                await self._log.send(RECEIPTS, value)
            await asyncio.sleep(TICK_S)  # the rate itself

    async def _send(self, provider: str) -> None:
        sent_at = now()
        await self._log.send(ATTEMPTS, encode(replace(ATTEMPT, provider=provider, sent_at=sent_at)))
        if not (self.silent and provider == LEADER):
            due_at = sent_at + timedelta(seconds=self._dice.uniform(0.5, 2))
            self._receipts.append((due_at, encode(replace(RECEIPT, provider=provider, sent_at=sent_at))))


@asynccontextmanager
async def traffic(log: Log) -> AsyncIterator[Carriers]:
    carriers = Carriers(log)
    sending = asyncio.create_task(carriers.send_on())
    try:
        yield carriers
    finally:
        sending.cancel()


async def newest(stats: Statistics) -> RouteTable | None:
    tables = await stats.tables()
    return tables[-1] if tables else None


async def leads(stats: Statistics) -> bool:
    """Tell whether the carrier that may break has most of the traffic, with a usual share that was learned."""
    table = await newest(stats)
    return table is not None and any(
        route.leader and route.seen > 5 for route in table.routes if route.provider == LEADER
    )


def share(table: RouteTable) -> float:
    return next(route.share for route in table.routes if route.provider == LEADER)


async def has_moved(stats: Statistics) -> bool:
    table = await newest(stats)
    return table is not None and share(table) < 0.5


async def deciders(stats: Statistics, *names: str) -> list[str]:
    return [name for name in names if (await stats.figures(name))["deciding"]]


@pytest.mark.slow
async def test_decider_that_wakes_up_does_not_publish_what_it_knew_before(
    kafka: EmbeddedKafka, prefix: str, tmp_path: Path
) -> None:
    async with (
        statistics(kafka.bootstrap, prefix, tmp_path, session_timeout_s=SESSION_S) as stats,
        stats.log() as log,
        stats.process("one") as one,
        stats.process("two") as two,
        traffic(log) as carriers,
    ):
        await until("the carrier leads", lambda: leads(stats))
        await until("one decides", lambda: deciders(stats, "one", "two"))
        (name,) = await deciders(stats, "one", "two")
        frozen = {"one": one, "two": two}[name]
        frozen.kill(signal.SIGSTOP)
        carriers.silent = True
        await until("the other one moves the traffic", lambda: has_moved(stats))
        count = len(await stats.tables())
        frozen.kill(signal.SIGCONT)
        await until("the frozen one is a member again", lambda: is_member(stats, name))
        await until("tables were told since", lambda: told_more(stats, count + 3))
        since = (await stats.tables())[count:]

    assert [share(table) for table in since if share(table) >= 0.5] == []


async def is_member(stats: Statistics, name: str) -> bool:
    figures = await stats.figures(name)
    return bool(figures["member"]) and figures["partitions"] == 6


async def told_more(stats: Statistics, count: int) -> bool:
    return len(await stats.tables()) >= count


async def test_decider_that_begins_anew_knows_from_the_tallies_what_is_broken(
    kafka: EmbeddedKafka, prefix: str, tmp_path: Path
) -> None:
    async with (
        statistics(kafka.bootstrap, prefix, tmp_path, session_timeout_s=SESSION_S) as stats,
        stats.log() as log,
        traffic(log) as carriers,
    ):
        async with stats.process("one") as one:
            await until("the carrier leads", lambda: leads(stats))
            carriers.silent = True
            await until("the traffic is moved", lambda: has_moved(stats))
            one.kill()
        count = len(await stats.tables())
        async with stats.process("two"):
            await until("it has told a table", lambda: told_more(stats, count + 1))
            table = (await stats.tables())[count]

    route = next(route for route in table.routes if route.provider == LEADER)
    assert route.share < 0.5
    assert route.normal < 0.5

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.records.topics import REQUESTS, RETRY_TIERS
from pipeline.settings import KafkaSettings
from tests.integration.loop_member import GROUP
from tests.workers.loop.scripted import running, until
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaConsumer, KafkaProducer, create_topics
from workers.loop import Limits, Loop, Record

LIMITS = Limits(in_flight=100, drain_s=5.0, commit_timeout_s=2.0)
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=4, session_timeout_s=1.5)
    await create_topics(settings, [REQUESTS, RETRY_TIERS[0]])
    return settings


@asynccontextmanager
async def producing(settings: KafkaSettings) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def member(
    settings: KafkaSettings, handle: Callable[[Record], Awaitable[None]], topics: Iterable[str] = (REQUESTS.name,)
) -> Loop:
    async def dead_letter(_: Record, error: Exception) -> None:
        raise error

    consumer = KafkaConsumer(settings, group=GROUP, topics=list(topics), rebalance_s=LIMITS.rebalance_s)
    delays_s = {tier.name: tier.delay.total_seconds() for tier in RETRY_TIERS}
    return Loop(consumer, handle, dead_letter, now=time.time, limits=LIMITS, delays_s=delays_s)


async def produce(settings: KafkaSettings, count: int) -> None:
    async with producing(settings) as producer:
        await asyncio.gather(*(producer.send(REQUESTS.name, f"key-{n}", b"%d" % n) for n in range(count)))


@asynccontextmanager
async def member_process(settings: KafkaSettings, journal: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = "-m", "tests.integration.loop_member", settings.bootstrap, settings.prefix, str(journal)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def lines(*journals: Path) -> list[str]:
    return [line for journal in journals if journal.exists() for line in journal.read_text().split()]


async def test_after_kill_9_nothing_is_lost_and_only_what_the_map_did_not_know_comes_again(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    await produce(settings, 5000)
    killed, other = tmp_path / "killed", tmp_path / "other"
    async with member_process(settings, killed) as victim, member_process(settings, other):
        await until(lambda: len(lines(killed)) > 1000, 30)
        victim.send_signal(signal.SIGKILL)
        done_by_victim = len(lines(killed))
        await until(lambda: len(set(lines(killed, other))) == 5000, 30)

    twice = sum(count - 1 for count in Counter(lines(killed, other)).values())
    # The victim does at most 1,000 a second (20 at once, 20 ms each) and commits four times a second. Its positions
    # were still at the slow first records: without the map everything it had done would have come again.
    assert twice <= 1000 * 0.25 + 20 + 80, f"{twice} of {done_by_victim} came again"
    assert done_by_victim > 1000


async def test_when_a_member_joins_everything_is_handled_exactly_once(settings: KafkaSettings) -> None:
    handled, by_second = Counter[bytes](), list[bytes]()

    async def handle(record: Record) -> None:
        await asyncio.sleep(0.1)
        handled[record.value or b""] += 1

    async def handle_second(record: Record) -> None:
        await handle(record)
        by_second.append(record.value or b"")

    await produce(settings, 3000)
    async with running(member(settings, handle)):
        await until(lambda: len(handled) > 300, 20)
        async with running(member(settings, handle_second)):
            await until(lambda: len(handled) == 3000, 20)

    assert by_second
    assert handled.most_common(1)[0][1] == 1


async def test_a_member_that_leaves_politely_hands_over_within_a_second(settings: KafkaSettings) -> None:
    handled = Counter[bytes]()

    async def handle(record: Record) -> None:
        await asyncio.sleep(0.05)
        handled[record.value or b""] += 1

    async with running(member(settings, handle)) as staying:
        async with running(member(settings, handle)):
            await produce(settings, 200)
            await until(lambda: len(handled) == 200, 20)
        await produce(settings, 100)
        left_at = time.monotonic()
        await until(lambda: sum(handled.values()) == 300, 20)
        assert time.monotonic() - left_at < 1.0
        assert not staying.done()

    assert max(handled.values()) == 2, "the values of the second run are those of the first"


async def test_a_delayed_record_is_handled_when_it_is_due(settings: KafkaSettings) -> None:
    tier, due = RETRY_TIERS[0], list[float]()

    async def handle(record: Record) -> None:
        due.append(time.time() - record.timestamp_ms / 1000)

    async with producing(settings) as producer, running(member(settings, handle, [REQUESTS.name, tier.name])):
        await asyncio.gather(*(producer.send(tier.name, f"key-{n}", b"") for n in range(20)))
        await until(lambda: len(due) == 20, 20)

    assert 2.0 <= min(due) <= max(due) < 2.25


async def test_the_group_and_its_lag_can_be_looked_at(settings: KafkaSettings) -> None:
    handled = list[bytes]()

    async def handle(record: Record) -> None:
        handled.append(record.value or b"")

    await produce(settings, 10)
    async with running(member(settings, handle)), KafkaAdmin(settings) as admin:
        await until(lambda: len(handled) == 10, 20)
        async with asyncio.timeout(5):
            while sum((group := (await admin.groups())[0]).lag.values()):
                await asyncio.sleep(0.05)

    assert (group.name, group.state, group.members) == (GROUP, "Stable", 1)
    assert {partition.topic for partition in group.lag} == {REQUESTS.name}


async def test_while_the_broker_is_away_nothing_is_lost_and_it_is_known_to_be_away(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars) as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=4, session_timeout_s=10.0)
        await create_topics(settings, [REQUESTS])
        handled, sent = Counter[bytes](), list[asyncio.Future[None]]()

        async def handle(record: Record) -> None:
            await asyncio.sleep(0.05)
            handled[record.value or b""] += 1

        async with producing(settings) as producer, running(member(settings, handle)) as loop:

            async def send_on() -> None:
                while True:
                    sent.append(producer.send(REQUESTS.name, f"key-{len(sent)}", b"%d" % len(sent)))
                    await asyncio.sleep(0.005)

            sending = asyncio.create_task(send_on())
            await until(lambda: len(handled) > 100, 20)
            assert producer.available

            await broker.stop_one()
            stopped_at = time.monotonic()
            await until(lambda: not producer.available)
            assert time.monotonic() - stopped_at < 2.0
            await broker.start_one()

            await until(lambda: producer.available, 10)
            seen = len(sent)
            await until(lambda: len(sent) > seen + 200, 10)
            sending.cancel()
            await asyncio.wait_for(asyncio.gather(*sent), 10)
            await until(lambda: len(handled) == len(sent), 20)
            assert not loop.done()

    assert sum(handled.values()) - len(handled) <= LIMITS.in_flight


async def test_a_loop_that_waits_for_the_broker_can_be_stopped() -> None:
    async def handle(_: Record) -> None:
        """Never called."""

    async with asyncio.timeout(5), running(member(KafkaSettings(bootstrap="127.0.0.1:1"), handle)) as loop:
        await asyncio.wait([loop], timeout=0.2)
        assert not loop.done()


async def test_a_stop_is_bounded_while_the_broker_is_away(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars) as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=1)
        await create_topics(settings, [REQUESTS])
        handled = list[Record]()

        async def handle(record: Record) -> None:
            handled.append(record)

        await produce(settings, 1)
        async with producing(settings) as producer, running(member(settings, handle)):
            await until(lambda: handled, 20)
            os.kill(broker.pid() or 0, signal.SIGSTOP)
            stopped_at = time.monotonic()
            waiting = producer.send(REQUESTS.name, "key", b"value")
        assert time.monotonic() - stopped_at < 15
        waiting.cancel()
        os.kill(broker.pid() or 0, signal.SIGCONT)

"""How many events a statistics process counts, alone and beside another one, and how old what is known gets under load.

An event is an attempt, a receipt or an entered code. It is counted when it is in a tally that Kafka has: "how old" is
the time since the instant up to which everything is.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

import aiohttp

from bench.ground import Surroundings, cpu_s, machine
from bench.line import Line, at_most, plain
from bench.requests import until
from pipeline.errors import Outcome
from pipeline.records import Attempt, Receipt, ReceiptState, Record, Verdict, Verification, encode
from pipeline.records.topics import ATTEMPTS, RECEIPTS, VERIFICATIONS
from pipeline.settings import KafkaSettings
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import http_ready
from workers.kafka import KafkaProducer, create_topics

RATE: Final = 2000  # events a second, of the second measurement
TICK_S: Final = 0.05
LOOK_S: Final = 0.1
PROVIDERS: Final = ("carrier-a", "carrier-b", "carrier-c")
COUNTRIES: Final = ("GB", "US")
MICRO: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    events: int = 60_000
    warm_s: float = 5.0
    seconds: float = 30.0


QUICK: Final = Size(events=2_000, warm_s=1.0, seconds=3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process of ours."""

    pid: int
    url: str

    async def figures(self) -> dict[str, Any]:
        """Ask it."""
        async with aiohttp.ClientSession() as http, http.get(self.url) as answer:
            figures: dict[str, Any] = await answer.json()
            return figures


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Count a backlog with one process and with two, then measure at a steady rate."""
    around.tell("start Kafka")
    async with EmbeddedKafka(around.folder.absolute() / "kafka", cache=around.cache) as kafka:
        settings = replace(around.settings.kafka, bootstrap=kafka.bootstrap, session_timeout_s=6.0)
        one = await _backlog(around, replace(settings, prefix="one."), size, processes=1)
        two = await _backlog(around, replace(settings, prefix="two."), size, processes=2)
        ages = await _steady(around, replace(settings, prefix="steady."), size)
    return {
        "one_process": one,
        "two_processes": two,
        "age_max_s": round(max(ages), 2),
        "age_p50_s": round(median(ages), 2),
        "rate": RATE,
        "seconds": size.seconds,
        **machine(),
    }


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    for words, name in (("one process", "one_process"), ("two processes together", "two_processes")):
        of = found[name]
        yield plain(f"{of['per_core']}", f"events a second and core, {words}: {of['cpu_us']:g} us CPU each")
        yield plain(f"{of['rate']}", f"events a second, {words}, beside Kafka on {found['cores']} cores")
    yield at_most(found["age_max_s"], 2, f"the oldest that what is known was at {found['rate']} events/s", " s")
    yield plain(f"{found['age_p50_s']:g} s", "median of that")


async def _backlog(around: Surroundings, kafka: KafkaSettings, size: Size, *, processes: int) -> dict[str, Any]:
    """Let processes count what is produced as quickly as Kafka takes it; only what is left then is measured."""
    async with counting(around, kafka, processes) as workers, producing(kafka) as producer:
        around.tell(f"{size.events} events for {processes} of the processes")
        await asyncio.gather(*(_send(producer, turn) for turn in range(size.events)))
        began, counted, used = time.monotonic(), await _counted(workers), sum(cpu_s(worker.pid) for worker in workers)

        async def all_counted() -> bool:
            return await _counted(workers) >= size.events

        await until("everything is counted", all_counted)
        took_s = time.monotonic() - began
        cpu_us = (sum(cpu_s(worker.pid) for worker in workers) - used) * MICRO / max(size.events - counted, 1)
    return {
        "rate": round((size.events - counted) / took_s),
        "cpu_us": round(cpu_us, 1),
        "per_core": round(MICRO / cpu_us) if cpu_us else 0,
    }


async def _steady(around: Surroundings, kafka: KafkaSettings, size: Size) -> list[float]:
    """Produce at a rate, and look how old what is known gets."""
    ages = []
    async with counting(around, kafka, 1) as (worker,), producing(kafka) as producer:
        around.tell(f"{RATE} events a second for {size.seconds:g} s")
        sending = asyncio.create_task(send_on(producer))
        await asyncio.sleep(size.warm_s)
        until_s = time.monotonic() + size.seconds
        while time.monotonic() < until_s:
            ages.append(float((await worker.figures())["age_s"]))
            await asyncio.sleep(LOOK_S)
        sending.cancel()
    return ages


async def send_on(producer: KafkaProducer) -> None:
    """Produce RATE events a second until cancelled."""
    began, turn = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * RATE)
        for number in range(turn, due):
            _send(producer, number)
        turn = due
        await asyncio.sleep(TICK_S)


async def _counted(workers: list[Worker]) -> int:
    return sum([int((await worker.figures()).get("counted", 0)) for worker in workers])


@asynccontextmanager
async def producing(kafka: KafkaSettings) -> AsyncIterator[KafkaProducer]:
    """Give a producer."""
    producer = KafkaProducer(kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def counting(around: Surroundings, kafka: KafkaSettings, processes: int) -> AsyncIterator[list[Worker]]:
    """Run processes while the block runs; at its beginning they share the partitions."""
    await create_topics(kafka)
    async with AsyncExitStack() as held:
        names = [f"stats-{number}" for number in range(processes)]
        workers = [await held.enter_async_context(running(around, kafka, name, "stats")) for name in names]

        async def shared() -> bool:
            return all([0 < (await worker.figures())["partitions"] <= 24 // processes for worker in workers])

        await until("the partitions are shared", shared)
        yield workers


@asynccontextmanager
async def running(around: Surroundings, kafka: KafkaSettings, name: str, worker: str) -> AsyncIterator[Worker]:
    """Run one process while the block runs."""
    (port,) = choose_ports(around.folder / f"{kafka.prefix}{name}.port.json", 1)
    url = f"http://{LOOPBACK}:{port}/readyz"
    ours = {
        "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "ITHACA_KAFKA__PREFIX": kafka.prefix,
        "ITHACA_KAFKA__SESSION_TIMEOUT_S": f"{kafka.session_timeout_s:g}",
        f"ITHACA_{'ADMIN' if worker == 'stats' else worker.upper()}__PORT": str(port),
    }
    argv = (sys.executable, "-m", "workers", "run", worker)
    spec = ProcessSpec(name=name, argv=argv, ready=http_ready(url), env={**around.environ, **ours})
    process = Process(spec, around.folder / "logs" / f"{kafka.prefix}{name}.log")
    try:
        process.spawn()
        await process.wait_ready()
        yield Worker(pid=process.pid or 0, url=url)
    finally:
        await process.stop()


def _send(producer: KafkaProducer, turn: int) -> asyncio.Future[None]:
    """Produce an event sent now, of the three kinds and all routes in turn."""
    sent_at = datetime.now(UTC)
    provider, country = PROVIDERS[turn % len(PROVIDERS)], COUNTRIES[turn % len(COUNTRIES)]
    route = {"provider": provider, "country": country, "sent_at": sent_at}
    topic = (ATTEMPTS, RECEIPTS, VERIFICATIONS)[turn // 6 % 3]
    return producer.send(topic.name, f"bench-{turn:07d}-bench", encode(_MAKE[topic.name](route)))


def _attempt(route: Mapping[str, Any]) -> Attempt:
    return Attempt(
        request_id="bench-0000000-bench",
        number=1,
        caller="demo",
        number_hash="f" * 32,
        trigger="first",
        outcome=Outcome.ACCEPTED,
        message_id="0123456789abcdef",
        segments=1,
        duration_ms=12.5,
        config="0123456789ab",
        **route,
    )


def _receipt(route: Mapping[str, Any]) -> Receipt:
    return Receipt(
        request_id="bench-0000000-bench",
        number=1,
        state=ReceiptState.DELIVERED,
        raw="delivered",
        message_id="0123456789abcdef",
        received_at=route["sent_at"],
        config="0123456789ab",
        **route,
    )


def _entry(route: Mapping[str, Any]) -> Verification:
    return Verification(
        request_id="bench-0000000-bench",
        caller="demo",
        verdict=Verdict.VERIFIED,
        config="0123456789ab",
        at=route["sent_at"],
        **route,
    )


_MAKE: Final[Mapping[str, Callable[[Mapping[str, Any]], Record]]] = {
    ATTEMPTS.name: _attempt,
    RECEIPTS.name: _receipt,
    VERIFICATIONS.name: _entry,
}

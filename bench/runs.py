"""One run of the bare HTTP client, and one of a dispatcher, at the same carrier.

CPU is what the process itself used (user and system) between two marks: ready, warm and idle before the burst, and
all of it done. Rates are those at which messages arrived at the carrier.
"""

import json
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bench.arrivals import Arrivals
from bench.ground import Ground, cpu_s
from bench.requests import NotDone, make, produce, until
from pipeline.records.topics import ATTEMPTS, REQUESTS, RETRY_TIERS
from pipeline.settings import Settings
from workers.kafka import KafkaAdmin

FIRST_LOOK: Final = next(tier for tier in RETRY_TIERS if tier.name == "otp.retry.10s")
MICRO: Final = 1e6

Ask = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent."""

    tag: str  # begins every request id, and names the topics
    messages: int
    in_flight: int

    @property
    def warm(self) -> int:
        """How many messages go before the first mark: every connection is open, everything was imported."""
        return 2 * self.in_flight


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run showed."""

    rate: float  # messages a second
    cpu_us: float  # of one message
    look_us: float = 0.0  # of the first second look at one message
    carrier_busy: float  # share of a core that the carrier used meanwhile


async def client_run(ground: Ground, load: Load) -> Run:
    """Send from a list."""
    provider = ground.provider(load.in_flight)
    plan = {
        "base_url": provider.base_url,
        "credential": provider.credential.reveal().decode() if provider.credential else "",
        "in_flight": load.in_flight,
        "tag": load.tag,
        "count": load.warm + load.messages,
    }
    async with _child("bench.client", json.dumps(plan)) as (pid, ask):
        await ask(str(load.warm))
        arrivals = Arrivals(ground.journal)
        before, carrier = cpu_s(pid), cpu_s(ground.carrier_pid)
        await ask(str(load.messages))
        used, busy = cpu_s(pid) - before, cpu_s(ground.carrier_pid) - carrier
        return _run(load, await _instants(arrivals, load), used, busy)


async def dispatcher_run(ground: Ground, settings: Settings, load: Load, *, look: bool = False) -> Run:
    """Dispatch; with `look`, also until every message was looked at once more."""
    requests = make(settings, load.tag, load.warm + load.messages)
    prefix = f"{load.tag}."
    kafka = ground.kafka_settings(prefix)
    async with ground.dispatcher(prefix, load.in_flight) as process, KafkaAdmin(kafka) as admin:
        pid = process.pid or 0
        await produce(kafka, requests[: load.warm])
        await _all_done(admin, load.warm)
        arrivals = Arrivals(ground.journal)
        before, carrier = cpu_s(pid), cpu_s(ground.carrier_pid)
        await produce(kafka, requests[load.warm :])
        instants = await _instants(arrivals, load)
        await _all_done(admin, load.warm + load.messages)
        done, busy = cpu_s(pid), cpu_s(ground.carrier_pid) - carrier
        if look:
            await _all_looked_at(admin, load.warm + load.messages)
        look_us = (cpu_s(pid) - done) * MICRO / (load.warm + load.messages) if look else 0.0
        return _run(load, instants, done - before, busy, look_us)


async def _instants(arrivals: Arrivals, load: Load) -> list[float]:
    async def all_there() -> bool:
        return arrivals.count() >= load.messages

    await until("every message has reached the carrier", all_there)
    return arrivals.instants(load.tag)


def _run(load: Load, instants: list[float], used_s: float, carrier_s: float, look_us: float = 0.0) -> Run:
    took_s = instants[-1] - instants[0]
    return Run(
        rate=load.messages / took_s,
        cpu_us=used_s * MICRO / load.messages,
        look_us=look_us,
        carrier_busy=carrier_s / took_s,
    )


async def _all_done(admin: KafkaAdmin, total: int) -> None:
    """Wait until so many requests have their attempt and their second look on Kafka, and are committed."""

    async def written() -> bool:
        return all(status.records >= total for status in await admin.topics([ATTEMPTS.name, FIRST_LOOK.name]))

    async def committed() -> bool:
        lags = [
            lag for group in await admin.groups() for place, lag in group.lag.items() if place.topic == REQUESTS.name
        ]
        return bool(lags) and not any(lags)

    await until(f"{total} attempts and retries are written", written)
    await until("all requests are committed", committed)


async def _all_looked_at(admin: KafkaAdmin, total: int) -> None:
    """Wait until the first second look of each request has written the next one."""

    async def looked_at() -> bool:
        return (await admin.topics([FIRST_LOOK.name]))[0].records >= 2 * total

    await until("every message was looked at again", looked_at)


@asynccontextmanager
async def _child(module: str, argument: str) -> AsyncIterator[tuple[int, Ask]]:
    """Run a module that answers every line with a line; the end of its input ends it."""
    child = await create_subprocess_exec(sys.executable, "-m", module, argument, stdin=PIPE, stdout=PIPE)
    to_it, from_it = child.stdin, child.stdout
    assert to_it
    assert from_it

    async def answer() -> str:
        if line := await from_it.readline():
            return line.decode().strip()
        raise NotDone(f"{module} has ended")

    async def ask(line: str) -> str:
        to_it.write(f"{line}\n".encode())
        return await answer()

    await answer()  # it is ready
    try:
        yield child.pid, ask
    finally:
        to_it.close()
        await child.wait()

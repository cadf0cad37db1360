"""Memory of every process under load: the first minute after the warm-up beside the last one."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import linear_regression, mean
from typing import Any, Final

import psutil

from bench.ground import Surroundings, machine
from bench.line import Line, plain
from bench.people import people
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.supervisor import Supervisor
from workers.embedded.system import HEALTHY, Shape, System

RATE: Final = 200.0  # requests a second
KEEP_S: Final = 60  # how long rows outlive their codes here, and codes live 30 s: what is kept is over within the run
SETTINGS: Final = {"ITHACA_STATE__KEEP_S": str(KEEP_S), "ITHACA_OTP__TTL_S": "30"}
MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    warm_s: float = 120.0  # rows of Valkey come and go at the same rate from then on
    seconds: float = 300.0  # after it
    window_s: float = 60.0  # of the first and of the last mean
    every_s: float = 1.0


QUICK: Final = Size(warm_s=2.0, seconds=4.0, window_s=1.5, every_s=0.25)


@dataclass(slots=True)
class Samples:
    """Resident memory of each process over time."""

    mib: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # name -> (seconds, MiB)
    cpu_s: dict[str, float] = field(default_factory=dict)

    async def take(self, supervisor: Supervisor, every_s: float) -> None:
        """Look at every process, for ever."""
        began = time.monotonic()
        while True:
            for status in supervisor.status():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(status.pid)
                    at = time.monotonic() - began, process.memory_info().rss / MEBIBYTE
                    self.mib.setdefault(status.name, []).append(at)
                    times = process.cpu_times()
                    self.cpu_s[status.name] = times.user + times.system
            await asyncio.sleep(every_s)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Let people ask for codes and enter them, and look at the processes."""
    around.tell("start the whole system")
    shape = Shape(dispatchers=1, behaviour=HEALTHY, settings=SETTINGS)
    system = System(around.folder, cache=around.cache, settings=around.settings, environ=around.environ, shape=shape)
    samples = Samples()
    async with system.running() as supervisor:
        whole_s = size.warm_s + size.seconds
        around.tell(f"{RATE:g} requests a second for {whole_s:g} s, the first {size.warm_s:g} s to warm up")
        journal = CallersJournal(system.callers_journal)
        looking = asyncio.create_task(samples.take(supervisor, size.every_s))
        began = time.monotonic()
        tally = await people(system, around.settings, journal, rate=RATE, seconds=whole_s)
        took_s = time.monotonic() - began
        looking.cancel()
    return {
        "memory_mib": {name: growth(series, size) for name, series in samples.mib.items()},
        "cores_used": {name: round(used / took_s, 2) for name, used in samples.cpu_s.items()},
        "rate": RATE,
        "asked": tally.asked,
        "accepted": tally.accepted,
        "verified": tally.verified,
        "seconds": size.seconds,
        "warm_s": size.warm_s,
        "keep_s": KEEP_S,
        **machine(),
    }


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    cores = found["cores_used"]
    for name, mib in found["memory_mib"].items():
        meaning = f"MiB of {name}, first and last window; {mib['per_minute']:+g} a minute; {cores[name]:g} cores"
        yield plain(f"{mib['first']:g} -> {mib['last']:g}", meaning)
    yield plain(f"{found['verified']}", f"of {found['asked']} codes verified, {found['rate']:g} a second")
    yield plain(
        f"{found['keep_s']} s", "are rows of Valkey kept here after their code's 30 s, so that they go within the run"
    )


def growth(series: list[tuple[float, float]], size: Size) -> Mapping[str, float]:
    """Compare the first window after the warm-up with the last one of the run, and fit a line through all between."""
    end = size.warm_s + size.seconds
    counted = [(at, mib) for at, mib in series if size.warm_s <= at <= end]
    first = [mib for at, mib in counted if at <= size.warm_s + size.window_s]
    last = [mib for at, mib in counted if at >= end - size.window_s]
    slope = linear_regression(*zip(*counted, strict=True)).slope
    return {
        "first": round(mean(first), 1),
        "last": round(mean(last), 1),
        "per_minute": round(slope * 60, 2),
    }

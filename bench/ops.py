"""The operators' page under load: its memory, its weight, and how soon a browser shows what Kafka has.

An event is on the page when the frame after the change of its status line is drawn; the line is set last of what came.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final

import aiohttp
import psutil
from playwright.async_api import Page, async_playwright

from bench.ground import Surroundings, cpu_s, machine
from bench.line import Line, at_most, plain
from bench.stats import RATE, Worker, counting, producing, running, send_on
from workers.embedded.errors import EmbeddedError
from workers.embedded.kafka import EmbeddedKafka
from workers.ops.pages import FILES

BROWSER: Final = "chromium"
KEY: Final = "dev-operator"
MIB: Final = 2**20
# Gives, for so many changes of the status line, the milliseconds from what is known to the frame that shows it.
WATCH: Final = """(wanted) => new Promise((resolve) => {
  const live = document.querySelector("#live"), found = [];
  new MutationObserver(() => requestAnimationFrame(() => {
    found.push(Date.now() - Date.parse(live.dataset.asOf));
    if (found.length === wanted) resolve(found);
  })).observe(live, { childList: true, characterData: true, subtree: true });
})"""
PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    warm_s: float = 15.0
    changes: int = 60
    viewers: int = 50


QUICK: Final = Size(warm_s=3.0, changes=5, viewers=3)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Look at the page in a browser while events come and others look, too. Raises EmbeddedError without a browser."""
    if shutil.which(BROWSER) is None:
        raise EmbeddedError(f"{BROWSER}: is not installed, and the page is measured in it; `apt-get install {BROWSER}`")
    around.tell("start Kafka, the statistics and the page")
    async with EmbeddedKafka(around.folder.absolute() / "kafka", cache=around.cache) as kafka:
        settings = replace(around.settings.kafka, bootstrap=kafka.bootstrap, session_timeout_s=6.0, prefix="ops.")
        async with (
            counting(around, settings, 1),
            running(around, settings, "ops", "ops") as ops,
            producing(settings) as producer,
            _browsing(ops.url.removesuffix("/readyz")) as page,
        ):
            sending = asyncio.create_task(send_on(producer))
            async with _watched(ops, size.viewers):
                around.tell(f"{RATE} events a second, {size.viewers} others look")
                await asyncio.sleep(size.warm_s)
                used, began = cpu_s(ops.pid), asyncio.get_running_loop().time()
                shown_ms = sorted(await page.evaluate(WATCH, size.changes))
                cpu = (cpu_s(ops.pid) - used) / (asyncio.get_running_loop().time() - began)
                memory = psutil.Process(ops.pid).memory_info().rss
            sending.cancel()
            paint_ms = await page.evaluate(PAINT)
    return {
        "rate": RATE,
        "viewers": size.viewers,
        "memory_mib": round(memory / MIB),
        "cpu_percent": round(100 * cpu, 1),
        "shown_p50_s": _at(shown_ms, 0.5),
        "shown_p95_s": _at(shown_ms, 0.95),
        "page_kib": round(_weight() / 1024, 1),
        "first_paint_ms": round(paint_ms) if paint_ms else None,
        **machine(),
    }


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    under = f"at {found['rate']} events/s with {found['viewers']} viewers"
    yield at_most(found["memory_mib"], 150, f"memory of the page's process {under}", " MiB")
    yield at_most(found["shown_p95_s"], 1.5, "from what Kafka has to the frame that shows it, p95", " s")
    yield plain(f"{found['shown_p50_s']:g} s", "the same, median")
    yield plain(f"{found['cpu_percent']:g} %", f"of a core for the page's process {under}")
    yield plain(f"{found['page_kib']:g} KiB", "weight of the page, uncompressed")
    yield plain(f"{found['first_paint_ms']} ms", "until a browser on this machine has painted something")


@asynccontextmanager
async def _browsing(url: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(BROWSER), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(url)
        await page.fill("#key", KEY)
        await page.click("#login button[type=submit]")
        await page.wait_for_selector("#main:not([hidden])")
        try:
            yield page
        finally:
            await browser.close()


@asynccontextmanager
async def _watched(ops: Worker, viewers: int) -> AsyncIterator[None]:
    """Let others look as well."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        looking = [asyncio.create_task(_look(http, ops)) for _ in range(viewers)]
        try:
            yield
        finally:
            for look in looking:
                look.cancel()
            await asyncio.gather(*looking, return_exceptions=True)


async def _look(http: aiohttp.ClientSession, ops: Worker) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with http.get(ops.url.replace("/readyz", "/v1/events"), timeout=timeout) as answer:
        async for _ in answer.content:
            pass


def _at(shown_ms: Sequence[float], share: float) -> float:
    """Give the seconds within which this share was shown; the values are in order."""
    return round(shown_ms[min(int(share * len(shown_ms)), len(shown_ms) - 1)] / 1000, 2)


def _weight() -> int:
    """Sum up the bytes of the page's files."""
    folder = files("workers.ops").joinpath("page")
    return sum(len(folder.joinpath(name).read_bytes()) for name, _ in FILES.values())

"""A running system, people who ask for codes, and a browser that looks at the operators' page."""

import asyncio
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.settings import Secret
from tests.processes import guarded
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.traffic import Plan, Traffic

ITHACA = str(Path(sys.executable).with_name("ithaca"))
SHOTS = Path(__file__).parents[2] / "build"  # the README shows one of them
WITHIN_S = 90.0
OPERATOR, VIEWER = "dev-operator", "dev-viewer"


@dataclass(frozen=True, slots=True)
class Running:
    """`ithaca up` in a folder of its own."""

    folder: Path
    urls: dict[str, str]

    @property
    def page(self) -> str:
        return self.urls["ops"]

    def ask(self, *seconds_rate: float) -> threading.Thread:
        """Let people ask for codes and enter them, beside the test."""
        seconds, rate = seconds_rate
        thread = threading.Thread(target=lambda: asyncio.run(self._ask(seconds, rate)), daemon=True)
        thread.start()
        return thread

    async def _ask(self, seconds: float, rate: float) -> None:
        plan = Plan(
            api_url=self.urls["api"],
            api_key=Secret(b"dev-demo"),
            carriers_url=self.urls["carrier"],
            rate=rate,
            seconds=seconds,
            enter_after_s=(0.5, 2.0),
            journal_key=Secret(b"j" * 32),
        )
        journal = CallersJournal(self.folder / "callers.jsonl")
        await Traffic(plan, journal).run(settle_s=1.0)
        journal.close()


def eventually(holds: Callable[[], Any], what: str) -> Any:
    """Wait until something holds, and give it."""
    deadline = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def running(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start the whole system on three brokers, as production has them, and stop it with Ctrl-C."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "jars").symlink_to(jars)
    with (folder / "up.out").open("wb") as out:
        process = subprocess.Popen(
            guarded(ITHACA, "up", "--brokers", "3", "--json", "up.json"), cwd=folder, stdout=out, stderr=out
        )
    try:
        eventually(lambda: (folder / "up.json").exists() or process.poll() is not None, "the system did not start")
        assert process.poll() is None, (folder / "up.out").read_text()
        yield Running(folder, orjson.loads((folder / "up.json").read_bytes())["urls"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture(scope="module")
def browser(running: Running) -> Iterator[Browser]:  # noqa: ARG001 - while Playwright is there no other loop can start
    """Start Debian's Chromium without a window."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's `chromium` is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def log_in(page: Page, running: Running, key: str = OPERATOR) -> None:
    """Open the page and log in."""
    page.goto(running.page)
    page.fill("#key", key)
    page.click("#login button[type=submit]")
    page.wait_for_selector("#main:not([hidden])")

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.workers.embedded.children import DEAF, alive, child, events
from workers.embedded.errors import StartFailed
from workers.embedded.process import Process

pytestmark = pytest.mark.processes


async def test_process_that_dies_during_its_start_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    spec = child("broken", tmp_path, "print('no such setting: colour'); raise SystemExit(3)")
    process = Process(spec, tmp_path / "logs" / "broken.log")
    process.spawn()

    with pytest.raises(StartFailed, match=r"(?s)broken ended with status 3 while it started.*no such setting: colour"):
        await process.wait_ready()


async def test_error_shows_only_what_this_start_wrote(tmp_path: Path) -> None:
    log = tmp_path / "broken.log"
    log.write_text("a line of an earlier run\n")
    process = Process(child("broken", tmp_path, "raise SystemExit('the reason')"), log)
    process.spawn()

    with pytest.raises(StartFailed) as caught:
        await process.wait_ready()

    assert "the reason" in str(caught.value)
    assert "earlier run" not in str(caught.value)


async def test_process_that_is_killed_during_its_start_is_an_error_with_the_signal(tmp_path: Path) -> None:
    process = Process(child("killed", tmp_path, "import time; time.sleep(60)"), tmp_path / "log")
    process.spawn()
    process.kill()

    with pytest.raises(StartFailed, match="killed by SIGKILL"):
        await process.wait_ready()


async def test_process_that_is_not_ready_in_time_is_an_error(tmp_path: Path) -> None:
    process = Process(child("slow", tmp_path, "import time; time.sleep(60)", start_s=0.2), tmp_path / "log")
    process.spawn()
    try:
        with pytest.raises(StartFailed, match=r"slow was not ready within 0\.2 s"):
            await process.wait_ready()
    finally:
        process.kill()
        await process.wait_ended()


async def test_stop_is_polite(tmp_path: Path) -> None:
    process = Process(child("calm", tmp_path), tmp_path / "log")
    process.spawn()
    await process.wait_ready()

    await process.stop()

    assert events(tmp_path) == ["calm starts", "calm stops"]


async def test_process_that_ignores_sigterm_is_killed_after_the_drain_limit(tmp_path: Path) -> None:
    process = Process(child("deaf", tmp_path, DEAF, drain_s=0.2), tmp_path / "log")
    process.spawn()
    await process.wait_ready()

    await process.stop()

    assert not alive(process.pid)


async def test_frozen_process_is_stopped_politely_too(tmp_path: Path) -> None:
    process = Process(child("frozen", tmp_path), tmp_path / "log")
    process.spawn()
    await process.wait_ready()
    process.kill(signal.SIGSTOP)

    await process.stop()

    assert events(tmp_path) == ["frozen starts", "frozen stops"]


async def test_process_has_a_session_of_its_own(tmp_path: Path) -> None:
    process = Process(child("apart", tmp_path), tmp_path / "log")
    process.spawn()
    await process.wait_ready()
    assert process.pid

    session = os.getsid(process.pid)
    await process.stop()

    assert session == process.pid


async def test_start_from_another_thread_is_refused(tmp_path: Path) -> None:
    process = Process(child("strayed", tmp_path), tmp_path / "log")

    with pytest.raises(RuntimeError, match="from the main thread"):
        await asyncio.to_thread(process.spawn)


async def test_second_start_of_a_running_process_is_refused(tmp_path: Path) -> None:
    process = Process(child("once", tmp_path), tmp_path / "log")
    process.spawn()
    try:
        with pytest.raises(RuntimeError, match="running already"):
            process.spawn()
    finally:
        await process.stop()

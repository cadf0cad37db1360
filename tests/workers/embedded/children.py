"""Small real programs for tests to start, and conditions to wait for."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from workers.embedded.process import ProcessSpec

# Writes a line to `events` at its start and its polite end, and then the file that says that it is ready.
CHILD = """\
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def tell(what):
    with (folder / "events").open("a") as events:
        events.write(f"{name} {what}\\n")
def stop(*_):
    tell("stops")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
tell("starts")
(folder / f"{name}.ready").touch()
while True:
    time.sleep(60)
"""
DEAF = CHILD.replace("signal.signal(signal.SIGTERM, stop)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")


def child(
    name: str, folder: Path, program: str = CHILD, *, start_s: float = 20.0, drain_s: float = 20.0
) -> ProcessSpec:
    """Describe a child that is ready as soon as `<folder>/<name>.ready` is there."""

    async def ready() -> bool:
        return (folder / f"{name}.ready").exists()

    argv = (sys.executable, "-I", "-S", "-c", program, name, str(folder))
    return ProcessSpec(name=name, argv=argv, ready=ready, bare=True, start_s=start_s, drain_s=drain_s)


def events(folder: Path) -> list[str]:
    """Give what the children of a folder told, in order."""
    told = folder / "events"
    return told.read_text().splitlines() if told.exists() else []


def alive(pid: int | None) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for a condition, and fail when it does not come in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come in time"
        time.sleep(0.02)


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for a condition while the loop goes on."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)

"""One child process: started with a log file, ready or an error that tells why not, stopped politely or at once."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.embedded import guard
from workers.embedded.endings import last_words
from workers.embedded.errors import StartFailed
from workers.embedded.readiness import Ready

LOOK_EVERY_S: Final = 0.05
LAST_LINES: Final = 15  # of the log, in an error text
LAST_BYTES: Final = 256 * 1024  # of the log, in which they are looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run, how it says that it is ready, and how long it may take to start and to stop."""

    name: str  # of the process and of its log file
    argv: tuple[str, ...]  # the program first, as an absolute path
    ready: Ready
    env: Mapping[str, str] | None = None  # none: that of this process
    bare: bool = False  # no environment at all: nothing from outside changes what the program does
    start_s: float = 60.0  # the time to become ready
    drain_s: float = 15.0  # from SIGTERM to SIGKILL


class Process:
    """A running ProcessSpec. It cannot outlive this process, and has a session of its own.

    The session keeps a terminal's Ctrl-C away from it, so that whoever started it stops things in their order.
    """

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self._log_from = 0
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Give the process id, also of one that has ended; none before the first start."""
        return self._popen.pid if self._popen else None

    def running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def spawn(self) -> None:
        """Start it. Must be called on the main thread: the kernel ends a child with the *thread* that started it."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{self.spec.name} must be started from the main thread, with which it would end")
        if self.running():
            raise RuntimeError(f"{self.spec.name} is running already, as process {self.pid}")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = guard.BARE if self.spec.bare else guard.SAME
        guarded = (sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), environment, *self.spec.argv)
        with self.log.open("ab") as output:
            self._log_from = output.tell()
            self._popen = subprocess.Popen(
                guarded,
                env=self.spec.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def wait_ready(self) -> None:
        """Wait until it is ready. Raises StartFailed when it ends before, or is not ready in time."""
        deadline = asyncio.get_running_loop().time() + self.spec.start_s
        while not await self.spec.ready():
            if not self.running():
                raise StartFailed(self._story(f"{self.spec.name} {self._ending()} while it started"))
            if asyncio.get_running_loop().time() > deadline:
                raise StartFailed(self._story(f"{self.spec.name} was not ready within {self.spec.start_s:g} s"))
            await asyncio.sleep(LOOK_EVERY_S)

    async def wait_ended(self) -> None:
        """Wait until it has ended by itself or by a signal."""
        while self.running():  # noqa: ASYNC110  the end of a child is no event of the loop
            await asyncio.sleep(LOOK_EVERY_S)

    async def wait_success(self) -> None:
        """Wait until it has ended, and raise StartFailed unless with status 0."""
        await self.wait_ended()
        if self._popen is None or self._popen.returncode != 0:
            raise StartFailed(self._story(f"{self.spec.name} {self._ending()}"))

    async def stop(self) -> None:
        """Ask it to end, and kill it after the drain limit, or when this call is cancelled."""
        self.kill(signal.SIGTERM)
        self.kill(signal.SIGCONT)  # a stopped process would not hear the request
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.spec.drain_s):
                    await self.wait_ended()
        finally:
            self.kill(signal.SIGKILL)
            if self._popen:
                self._popen.wait()

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self._popen:
            self._popen.send_signal(signum)

    def why(self) -> str:
        """Say how it ended, and what it said about that last."""
        said = last_words(self._lines())
        return f"{self._ending()}: {said}" if said else self._ending()

    def _ending(self) -> str:
        status = self._popen.returncode if self._popen else None
        if status is None:
            return "was never started"
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def _story(self, headline: str) -> str:
        """Add the last lines that it wrote since it was spawned."""
        lines = self._lines()[-LAST_LINES:]
        return "\n  ".join([f"{headline}; the last lines of {self.log}:", *(lines or ["(it wrote nothing)"])])

    def _lines(self) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(max(self._log_from, self.log.stat().st_size - LAST_BYTES))
            return log.read().decode(errors="replace").splitlines()

"""Starts processes in order, keeps them running, stops them in reverse order, and leaves none behind."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from workers.embedded.endings import same
from workers.embedded.errors import EmbeddedError, Interrupted, StartFailed
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.restarts import RestartPolicy
from workers.embedded.together import together

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, kill, the terminal was closed


class State(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"  # it runs and is not ready yet
    READY = "ready"
    WAITING = "waiting"  # it ended by itself and will be started again
    STOPPED = "stopped"  # not started yet, or stopped on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One process, seen from outside."""

    name: str
    state: State
    pid: int | None  # of the last start
    restarts: int  # after ends that nobody asked for
    why: str | None = None  # it ended last by itself
    alike: int = 0  # ends for that reason in a row


OnChange = Callable[[ProcessStatus], None]


def unwatched(status: ProcessStatus) -> None:
    """Do nothing on a change."""


class Supervised:
    """One process that is started again whenever it ends."""

    def __init__(self, spec: ProcessSpec, log: Path, policy: RestartPolicy, on_change: OnChange) -> None:
        self._process = Process(spec, log)
        self._policy = policy
        self._on_change = on_change
        self._state = State.STOPPED
        self._restarts = 0
        self._why: str | None = None
        self._alike = 0
        self._keeper: asyncio.Task[None] | None = None

    @property
    def status(self) -> ProcessStatus:
        """What there is to know about it now."""
        name, pid = self._process.spec.name, self._process.pid
        return ProcessStatus(
            name=name, state=self._state, pid=pid, restarts=self._restarts, why=self._why, alike=self._alike
        )

    async def start(self) -> None:
        """Start it, wait until it is ready, and keep it running from then on. Raises StartFailed."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self._process.spec.name}")

    async def stop(self) -> None:
        """Stop it, and keep it stopped."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await self._process.stop()
        self._change(State.STOPPED)

    def kill(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        self._process.kill(signum)

    async def _spawn(self) -> None:
        self._process.spawn()
        self._change(State.STARTING)
        await self._process.wait_ready()
        self._change(State.READY)

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        ready_at, wait_s = clock(), None
        while True:
            await self._process.wait_ended()
            ready_for_s = clock() - ready_at
            wait_s = self._policy.wait_s(wait_s, ready_for_s)
            self._restarts += 1
            self._note(self._process.why(), ready_for_s)
            self._change(State.WAITING)
            await asyncio.sleep(wait_s)
            await self._try_again()
            ready_at = clock()

    async def _try_again(self) -> None:
        try:
            await self._spawn()
        except (StartFailed, OSError):  # one that hangs is ended, so that it is tried again too
            await self._process.stop()

    def _note(self, why: str, ready_for_s: float) -> None:
        """Count ends for the same reason in a row, each soon after its start."""
        again = same(why, self._why) and ready_for_s < self._policy.healthy_s
        self._alike = self._alike + 1 if again else 1
        self._why = why

    def _change(self, state: State) -> None:
        self._state = state
        self._on_change(self.status)


class Supervisor:
    """Runs stages of processes. Those of one stage start together, and the next stage when all of them are ready.

    The first start must succeed; whatever ends later is started again after a wait that grows. Output goes to one
    file per process, `<logs>/<name>.log`. Must run on the main thread. When this process is killed, the kernel kills
    the processes that it started (Linux).
    """

    def __init__(
        self,
        stages: Sequence[Sequence[ProcessSpec]],
        *,
        logs: Path,
        policy: RestartPolicy | None = None,
        on_change: OnChange = unwatched,
    ) -> None:
        policy = policy or RestartPolicy()
        self._stages = [
            [Supervised(spec, logs / f"{spec.name}.log", policy, on_change) for spec in stage] for stage in stages
        ]
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Start everything, and stop it in order at the end, also on Ctrl-C, SIGTERM and SIGHUP: then Interrupted.

        A second signal kills what has not stopped yet. Raises StartFailed when a process does not become ready.
        """
        with self._signals_cancel() as caught:
            try:
                await self.start()
                yield self
            except asyncio.CancelledError:
                if caught:
                    raise Interrupted(caught[0]) from None
                raise
            finally:
                await self.stop()

    async def start(self) -> None:
        """Start the stages in order. Raises StartFailed; what runs by then is for `stop`."""
        self._stopping = False
        for stage in self._stages:
            await together(one.start() for one in stage)

    async def stop(self) -> None:
        """Stop the stages in reverse order."""
        self._stopping = True
        for stage in reversed(self._stages):
            await together(one.stop() for one in stage)

    def status(self) -> tuple[ProcessStatus, ...]:
        """Give every process in the order of their start."""
        return tuple(one.status for one in self._all())

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process: SIGKILL for a crash, after which it is started again; SIGSTOP for a freeze."""
        self._named(name).kill(signum)

    async def stop_one(self, name: str) -> None:
        """Stop one process in order, until `start_one`."""
        await self._named(name).stop()

    async def start_one(self, name: str) -> None:
        """Start a process again that `stop_one` stopped. Raises StartFailed."""
        await self._named(name).start()

    def _all(self) -> Iterator[Supervised]:
        return (one for stage in self._stages for one in stage)

    def _named(self, name: str) -> Supervised:
        for one in self._all():
            if one.status.name == name:
                return one
        raise EmbeddedError(f"no process is named {name!r}: there are {', '.join(s.name for s in self.status())}")

    @contextmanager
    def _signals_cancel(self) -> Iterator[list[signal.Signals]]:
        """Let a signal cancel the task that is inside, once, and collect it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        caught: list[signal.Signals] = []

        def on_signal(signum: signal.Signals) -> None:
            if caught or self._stopping or task is None:
                for one in self._all():
                    one.kill(signal.SIGKILL)
            else:
                task.cancel()
            caught.append(signum)

        for signum in STOP_SIGNALS:
            loop.add_signal_handler(signum, on_signal, signum)
        try:
            yield caught
        finally:
            for signum in STOP_SIGNALS:
                loop.remove_signal_handler(signum)

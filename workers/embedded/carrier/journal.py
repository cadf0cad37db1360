"""The oracle's journal: JSON lines on disk before anything is answered, many rows to one fsync."""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import orjson

NAME: Final = "carrier.jsonl"
GATHER_S: Final = 0.004  # rows of this long share an fsync: no answer of a carrier is that quick

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class Journal:
    """Appends rows to `carrier.jsonl` in a folder. One per process; needs a running loop.

    A line that a crash cut short is closed by a line break at the next start, so a reader skips what is not JSON.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / NAME, _FLAGS, 0o600)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._lines: list[bytes] = [b"\n"] if os.fstat(self._file).st_size else []
        self._waiting: list[asyncio.Future[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def note(self, row: Mapping[str, Any]) -> None:
        """Take a row along with the next fsync."""
        self._lines.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_later(GATHER_S, self._write)

    def append(self, row: Mapping[str, Any]) -> asyncio.Future[None]:
        """Take a row, and give what is done when it is on disk. Fails with OSError when it cannot be."""
        self.note(row)
        written = self._loop.create_future()
        self._waiting.append(written)
        return written

    async def close(self) -> None:
        """Write what is left."""
        await self._idle.wait()
        self._thread.shutdown()
        os.close(self._file)

    def _write(self) -> None:
        data, self._lines = b"".join(self._lines), []
        waiting, self._waiting = self._waiting, []
        writing = self._loop.run_in_executor(self._thread, _append, self._file, data)
        writing.add_done_callback(lambda done: self._written(done, waiting))

    def _written(self, done: asyncio.Future[None], waiting: list[asyncio.Future[None]]) -> None:
        error = done.exception()
        for future in waiting:
            if not future.done():  # its client may have gone
                future.set_exception(error) if error else future.set_result(None)
        if self._lines:
            self._loop.call_later(GATHER_S, self._write)
        else:
            self._idle.set()


def _append(file: int, data: bytes) -> None:
    """Write all of it and sync. A disk that is full raises OSError and leaves a cut line."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.fdatasync(file)

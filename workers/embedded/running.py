"""What a running system tells the commands that are run beside it: a file that stands while the system does."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import orjson

from workers.embedded.errors import NotRunning

FILE: Final = "running.json"  # in the folder of the system


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Where the parts of a running system are."""

    pid: int  # of the supervisor
    urls: Mapping[str, str]  # name of each process with an HTTP server -> base URL
    environ: Mapping[str, str] = field(repr=False)  # the ITHACA_... variables of its processes, secrets left out


@contextmanager
def told(folder: Path, running: Running) -> Iterator[None]:
    """Tell it while inside. The lock on the file goes with this process, so that a left-over file shows as one."""
    path = folder / FILE
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    with new.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(orjson.dumps(running, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        new.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Delete what an earlier run left over. Only for whoever owns the folder."""
    (folder / FILE).unlink(missing_ok=True)


def read_running(folder: Path) -> Running | None:
    """Read what the system in a folder told; none where none does. Raises NotRunning for a file that is left over."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            running = msgspec.convert(orjson.loads(file.read()), Running)
            left_over = not _is_locked(file)
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, msgspec.ValidationError) as error:
        raise NotRunning(f"{path}: cannot be read ({type(error).__name__}); delete it, then start the system") from None
    if left_over:
        raise NotRunning(
            f"{path}: is left over from a system that was killed (process {running.pid}); "
            "start it again (`ithaca up`), or delete the file"
        )
    return running


def _is_locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False

"""Is there room for it here: memory, disk, and a folder that can be written."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from workers.embedded.errors import FolderUnusable, MemoryShort

MEBIBYTE: Final = 2**20


def enough_memory(needed_bytes: int) -> None:
    """Raise MemoryShort when less than this is available."""
    available = psutil.virtual_memory().available
    if available < needed_bytes:
        raise MemoryShort(
            f"{available // MEBIBYTE} MiB of memory are available on this machine and the embedded servers need "
            f"{needed_bytes // MEBIBYTE} MiB: end other programs, start fewer brokers, "
            "or use a Kafka elsewhere (setting kafka.bootstrap)"
        )


def writable(folder: Path, needed_bytes: int) -> None:
    """Make the folder, and raise FolderUnusable when it cannot be written or its disk is nearly full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderUnusable(f"cannot make the folder {folder} ({error.strerror}): choose another one") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderUnusable(f"cannot write into the folder {folder}: change its permissions or choose another one")
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise FolderUnusable(
            f"{free // MEBIBYTE} MiB are free on the disk of {folder} and {needed_bytes // MEBIBYTE} MiB are needed: "
            "delete something or choose another folder"
        )


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own the folder while inside. Raises FolderUnusable when another run does. Ends with the process at the latest."""
    with (folder / ".lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderUnusable(
                f"another run is using the folder {folder}: stop that one first, or choose another folder"
            ) from error
        yield

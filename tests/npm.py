"""Tools from npm, pinned by the lock file beside the tests that use them."""

import asyncio
import fcntl
import shutil
from asyncio.subprocess import DEVNULL
from pathlib import Path


async def installed(package: Path, folder: Path) -> None:
    """Install a package's dependencies into a folder, unless they are there. Two runs at once wait in turn."""
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        await _installed(package, folder)


async def _installed(package: Path, folder: Path) -> None:
    wanted = (package / "package-lock.json").read_bytes()
    marker = folder / "node_modules" / ".installed"
    if marker.exists() and marker.read_bytes() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(package, folder)
    npm = await asyncio.create_subprocess_exec("npm", "ci", cwd=folder, stdout=DEVNULL)
    assert await npm.wait() == 0
    marker.write_bytes(wanted)

"""Kafka's jars: fetched once through jgo, checked against the lock file at every start.

`kafka.lock` has a line `sha256  path` per jar, the path as in a Maven repository, so that a start needs neither
dependency resolution nor, once the jars are there, jgo or the network. `relock.py` writes it.
"""

import asyncio
import fcntl
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from workers.embedded.errors import JarDiffers, JarsUnavailable
from workers.embedded.machine import writable
from workers.embedded.together import together

LOCK_FILE: Final = Path(__file__).with_name("kafka.lock")
CONNECTIONS: Final = 8  # to the Maven repository at once; 46 jars take 11 s, nearly all of it transfer
NEEDED_BYTES: Final = 192 * 2**20  # the jars have 45 MB, the cache of their classes 64, and as much while it is made

Progress = Callable[[int, int], None]  # called with the number of jars that are there, and of all
Fetch = Callable[[Path, PurePosixPath], None]  # (cache, path): puts the jar at cache/path


def quiet(done: int, total: int) -> None:
    """Show no progress."""


def read_lock(lock: Path) -> dict[str, str]:
    """Give path -> SHA-256 of every jar of a lock file, in its order."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return {path: sha256 for sha256, path in (line.split() for line in lines)}


def fetch_jar(cache: Path, path: PurePosixPath) -> None:
    """Fetch one jar from the Maven repository. Raises OSError or RuntimeError."""
    from jgo.maven import MavenContext  # noqa: PLC0415  a start with a filled cache must not need jgo

    *group, artifact, version, _file = path.parts
    project = MavenContext(repo_cache=cache).project(".".join(group), artifact)
    project.at_version(version).artifact().resolve()


async def kafka_jars(
    cache: Path, *, progress: Progress = quiet, lock: Path = LOCK_FILE, fetch: Fetch = fetch_jar
) -> tuple[Path, ...]:
    """Give the class path of Kafka, after fetching into `cache` what is missing or damaged there.

    Raises JarsUnavailable, JarDiffers, FolderUnusable. Processes that share a cache wait for each other.
    """
    wanted = read_lock(lock)
    if missing(cache, wanted):
        writable(cache, NEEDED_BYTES)
        async with alone(cache):
            await _fetch_all(cache, wanted, progress, fetch)
    return tuple(cache / path for path in wanted)


def missing(cache: Path, wanted: Mapping[str, str]) -> list[str]:
    """Give the paths that are not in the cache with the right content. Reads every jar: 0.1 s for all."""
    return [path for path, sha256 in wanted.items() if sha256_of(cache / path) != sha256]


async def _fetch_all(cache: Path, wanted: Mapping[str, str], progress: Progress, fetch: Fetch) -> None:
    absent = missing(cache, wanted)  # anew: another process may have fetched them while this one waited
    done = len(wanted) - len(absent)
    slots = asyncio.Semaphore(CONNECTIONS)

    async def one(path: str) -> None:
        nonlocal done
        async with slots:
            await asyncio.to_thread(_fetch_checked, cache, path, wanted[path], fetch)
        done += 1
        progress(done, len(wanted))

    progress(done, len(wanted))
    await together(one(path) for path in absent)


def _fetch_checked(cache: Path, path: str, sha256: str, fetch: Fetch) -> None:
    target = cache / path
    target.unlink(missing_ok=True)  # a damaged one: the fetcher would take it for good
    try:
        fetch(cache, PurePosixPath(path))
    except (OSError, RuntimeError) as error:
        raise JarsUnavailable(
            f"cannot fetch {target.name} from the Maven repository ({type(error).__name__}): check the network "
            f"(HTTPS_PROXY is respected) and start again; what is already in {cache} is not fetched twice"
        ) from error
    found = sha256_of(target)
    if found != sha256:
        target.unlink(missing_ok=True)
        raise JarDiffers(
            f"{target.name} as fetched has the SHA-256 {found}, and {LOCK_FILE.name} says {sha256}: somebody between "
            "here and the Maven repository changes files; nothing was started. Try another network or mirror"
        )


def sha256_of(file: Path) -> str | None:
    """Give the SHA-256 of a file in hexadecimal; none when it is not there."""
    if not file.is_file():
        return None
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@asynccontextmanager
async def alone(cache: Path) -> AsyncIterator[None]:
    """Wait until no other process fills this cache."""
    with (cache / ".lock").open("w", encoding="utf-8") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(0.1)
            else:
                break
        yield

"""Java's ahead-of-time cache of Kafka's classes: a broker starts in 1.2 s instead of 3, for half the CPU (2 cores).

The end of one broker's run writes it (JEP 483, "Ahead-of-Time Class Loading & Linking", and JEP 514), once for each
folder of jars. Java goes on without one that does not fit, such as that of a folder which was moved.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from workers.embedded.errors import EmbeddedError, StartFailed
from workers.embedded.jars import LOCK_FILE, alone
from workers.embedded.process import ProcessSpec

WRITE_S: Final = 120.0  # that the end of a broker may take while it writes: 7 s on 2 idle cores

Train = Callable[[Path], Awaitable[None]]  # runs a broker whose end writes the cache at this path


async def aot_cache(jars: Path, flags: Sequence[str], train: Train) -> Path | None:
    """Give the cache beside these jars for a Java with these flags, after training where there has been none.

    None where training failed, since everything works without; it is tried again only where memory, disk or a port
    was in the way. Processes that share the jars wait for each other.
    """
    cache = jars / f"kafka-{_digest(flags)}.aot"
    if not cache.exists():
        async with alone(jars):
            if not cache.exists():
                await _make(cache, train)
    return cache if cache.exists() and cache.stat().st_size else None


def training(spec: ProcessSpec, output: Path) -> ProcessSpec:
    """Let the end of a Java process write the cache of its classes."""
    java, *rest = spec.argv
    return replace(spec, argv=(java, f"-XX:AOTCacheOutput={output}", *rest), drain_s=WRITE_S)


async def _make(cache: Path, train: Train) -> None:
    """Train beside it, so that nobody meets a cache that is half written; an empty one says that it failed."""
    with TemporaryDirectory(dir=cache.parent, prefix="aot-") as scratch:
        made = Path(scratch) / cache.name
        try:
            with contextlib.suppress(StartFailed):
                await train(made)
        except EmbeddedError:
            return  # memory, disk or a port: another time
        made.touch()
        made.rename(cache)


def _digest(flags: Sequence[str]) -> str:
    """Name what the cache depends on: jars, and Java with its flags."""
    return hashlib.sha256("\n".join([*flags, LOCK_FILE.read_text(encoding="utf-8")]).encode()).hexdigest()[:12]

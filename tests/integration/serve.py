"""Kafka and Valkey in a process of its own, for a test that kills it: `python -m ... <folder> <jars>`."""

import asyncio
import sys
from pathlib import Path

from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey


async def main(folder: Path, jars: Path) -> None:
    """Run both until killed, and tell their process ids."""
    async with EmbeddedKafka(folder / "kafka", cache=jars) as kafka, EmbeddedValkey(folder / "valkey") as valkey:
        print(kafka.pid(), valkey.pid, flush=True)  # noqa: T201  the test reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))

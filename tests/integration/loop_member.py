"""A consumer in a process of its own, for tests that kill it: `python -m ... <bootstrap> <prefix> <journal>`.

It handles `otp.requests` and writes the place of each finished record into the journal. The first record of every
partition takes long, so that the committed position stays where it is and only the map tells what is finished.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from pipeline.settings import KafkaSettings
from workers.kafka import KafkaConsumer
from workers.loop import Limits, Loop, Record

LIMITS = Limits(in_flight=20, drain_s=5.0)
GROUP = "otp.members"


async def main(bootstrap: str, prefix: str, journal: Path) -> None:
    """Handle records until SIGTERM."""
    settings = KafkaSettings(bootstrap=bootstrap, prefix=prefix, session_timeout_s=1.5)
    written = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle(record: Record) -> None:
        await asyncio.sleep(4.0 if record.offset == 0 else 0.02)
        os.write(written, f"{record.partition}-{record.offset}\n".encode())

    async def dead_letter(_: Record, error: Exception) -> None:
        raise error

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = KafkaConsumer(settings, group=GROUP, topics=["otp.requests"], rebalance_s=LIMITS.rebalance_s)
    await Loop(consumer, handle, dead_letter, now=time.time, limits=LIMITS).run(stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))

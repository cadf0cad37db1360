"""A redrive that kills itself: `python -m tests.integration.killed_redrive CHUNK NTH`, as it marks the NTH letter."""

import asyncio
import os
import signal
import sys

from pipeline.dead_letters.letters import LetterFilter
from pipeline.records.topics import RESOLUTIONS
from workers.cli.invocation import Invocation
from workers.kafka import KafkaProducer
from workers.operator_actions import redrive, writing


class KilledProducer(KafkaProducer):
    """Dies when it is to write that a letter was redriven, which by then it was."""

    left = 0

    def send(self, topic: str, key: str, value: bytes) -> asyncio.Future[None]:
        if topic == RESOLUTIONS.name:
            KilledProducer.left -= 1
            if KilledProducer.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().send(topic, key, value)


if __name__ == "__main__":
    vars(writing)["CHUNK"] = int(sys.argv[1])
    KilledProducer.left = int(sys.argv[2])
    vars(writing)["KafkaProducer"] = KilledProducer
    asyncio.run(redrive.redrive(Invocation(environ=dict(os.environ)).settings(), LetterFilter(), author="ann"))

"""Following a compacted topic beside other work: nothing that goes wrong with it ends that work."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from pipeline.settings import KafkaSettings
from workers.kafka.reader import KafkaReader
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("kafka")

_AGAIN_S: Final = 0.5  # after whatever went wrong


class TopicFollower:
    """Gives every record of a topic to `take`: first what is there, then what is appended, none of them twice."""

    def __init__(self, settings: KafkaSettings, topic: str, take: Callable[[Record], None]) -> None:
        self._settings = settings
        self._topic = topic
        self._take = take
        self._next: dict[int, int] = {}  # partition -> offset of the next record
        self.caught_up = asyncio.Event()  # what was there when it began has been given

    async def run(self) -> NoReturn:
        """Follow until cancelled. Waits while Kafka is away, and goes on where it was."""
        while True:
            try:
                await self._follow()
            except Exception:  # whatever it is, what was given so far still holds
                log.warning("topic.not_followed", topic=self._topic, wait_s=_AGAIN_S, exc_info=True)
                await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> NoReturn:
        reader = KafkaReader(self._settings, [self._topic])
        try:
            await reader.start()
            ends = await reader.ends(await reader.partitions([self._topic]))
            while True:
                if all(self._next.get(partition.number, 0) >= end for partition, end in ends.items()):
                    self.caught_up.set()
                self._give(await reader.fetch())
        finally:
            await reader.stop()

    def _give(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.offset >= self._next.get(record.partition, 0):
                self._next[record.partition] = record.offset + 1
                self._take(record)

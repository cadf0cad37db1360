"""Following topics beside other work: nothing that goes wrong with it ends that work."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final, NoReturn

from pipeline.consuming.backlog import Partition
from pipeline.settings import KafkaSettings
from workers.kafka.reader import KafkaReader
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("kafka")

_AGAIN_S: Final = 0.5  # after whatever went wrong


class TopicFollower:
    """Gives every record of some topics to `take`: first what is there, then what is appended, none of them twice."""

    def __init__(self, settings: KafkaSettings, topics: Collection[str], take: Callable[[Record], None]) -> None:
        self._settings = settings
        self._topics = topics
        self._take = take
        self._next: dict[Partition, int] = {}  # offset of the next record
        self.caught_up = asyncio.Event()  # what was there when it began has been given

    async def run(self) -> NoReturn:
        """Follow until cancelled. Waits while Kafka is away, and goes on where it was."""
        while True:
            try:
                await self._follow()
            except Exception:  # whatever it is, what was given so far still holds
                log.warning("topic.not_followed", topic=", ".join(self._topics), wait_s=_AGAIN_S, exc_info=True)
                await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> NoReturn:
        reader = KafkaReader(self._settings, self._topics)
        try:
            await reader.start()
            partitions = await reader.partitions(self._topics)
            for partition, start in (await reader.starts(partitions)).items():
                self._next[partition] = max(start, self._next.get(partition, 0))
            ends = await reader.ends(partitions)
            while True:
                if all(self._next[partition] >= end for partition, end in ends.items()):
                    self.caught_up.set()
                self._give(await reader.fetch())
        finally:
            await reader.stop()

    def _give(self, records: Iterable[Record]) -> None:
        for record in records:
            partition = Partition(record.topic, record.partition)
            if record.offset >= self._next[partition]:
                self._next[partition] = record.offset + 1
                if not record.nothing:
                    self._take(record)

"""The partitions that are counted, and what the broker says of them."""

from collections.abc import Collection, Mapping
from typing import Final

from pipeline.backlog import Partition
from pipeline.evidence import Source
from pipeline.settings import KafkaSettings
from pipeline.tallying import PartitionCounts
from pipeline.topics import COUNTED
from workers.kafka import KafkaConsumer, KafkaReader

GROUP: Final = "otp.stats"
_TOPICS: Final = tuple(topic.name for topic in COUNTED)


class Sources:
    """All of them, with what is counted of each."""

    def __init__(self, settings: KafkaSettings, reader: KafkaReader) -> None:
        self._reader = reader
        self._group = KafkaConsumer(settings, group=GROUP, topics=_TOPICS, rebalance_s=1.0)  # it only asks
        self.counts: dict[Source, PartitionCounts] = {}

    async def find(self) -> None:
        """Find those that are new. Raises BrokerAway, and CannotGoOn when a topic does not exist."""
        for partition in await self._reader.partitions(_TOPICS):
            self.counts.setdefault(partition, PartitionCounts(partition))

    async def ends(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """Tell the offsets of the next records. Raises BrokerAway."""
        ends = await self._reader.ends([Partition(*source) for source in sources])
        return {source: ends[Partition(*source)] for source in sources}

    def lag(self, source: Source, end: int) -> int:
        """Tell how many records of a partition are not counted yet."""
        return max(end - (self.counts[source].position or 0), 0)

    async def begin(self, source: Source) -> None:
        """Let a partition that nobody has told of begin where the group begins to read it. Raises BrokerAway."""
        partition = Partition(*source)
        committed = await self._group.committed([partition])
        starts = await self._reader.starts([partition])
        commit = committed.get(partition)
        self.counts[source].begin(max(commit.position if commit else 0, starts[partition]))

    async def stop(self) -> None:
        """Close what asks the broker."""
        await self._group.stop()

"""The partitions that are counted, and what the broker says of them."""

from collections.abc import Collection, Mapping
from typing import Final

from pipeline.consuming.backlog import Partition
from pipeline.evidence.routes import Source
from pipeline.evidence.tallying import PartitionCounts
from pipeline.records.topics import COUNTED, STATS_GROUP, TALLIES
from pipeline.settings import KafkaSettings
from workers.kafka import KafkaConsumer, KafkaReader

_TALLIES: Final = Partition(TALLIES.name, 0)
_TOPICS: Final = tuple(topic.name for topic in COUNTED)


class Sources:
    """All of them, with what is counted of each."""

    def __init__(self, settings: KafkaSettings) -> None:
        # It reads nothing: on a connection with a fetch under way every question would wait for its end.
        self._reader = KafkaReader(settings, ())
        self._group = KafkaConsumer(settings, group=STATS_GROUP, topics=_TOPICS, rebalance_s=1.0)  # it only asks
        self.counts: dict[Source, PartitionCounts] = {}

    async def start(self) -> None:
        """Connect, waiting while the broker is away, and find all. Raises BrokerAway and CannotGoOn."""
        await self._reader.start()
        await self.find()

    async def find(self) -> None:
        """Find those that are new. Raises BrokerAway, and CannotGoOn when a topic does not exist."""
        for partition in await self._reader.partitions(_TOPICS):
            self.counts.setdefault(partition, PartitionCounts(partition))

    async def ends(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """Tell the offsets of the next records. Raises BrokerAway."""
        ends = await self._reader.ends([Partition(*source) for source in sources])
        return {source: ends[Partition(*source)] for source in sources}

    async def told(self) -> int:
        """Tell the offset after the last tally, 0 when there is none. Raises BrokerAway."""
        start = (await self._reader.starts([_TALLIES]))[_TALLIES]
        end = (await self._reader.ends([_TALLIES]))[_TALLIES]
        return end if end > start else 0

    async def begin(self, sources: Collection[Source]) -> int:
        """Let partitions that nobody has told of begin where the group begins to read them. Raises BrokerAway.

        Gives how many records were deleted before anybody counted them.
        """
        partitions = [Partition(*source) for source in sources]
        starts = await self._reader.starts(partitions)
        commits = await self._group.committed(partitions)
        deleted = 0
        for partition, start in starts.items():
            counts = self.counts[partition]
            commit = commits.get(partition)
            counts.begin(max(commit.position if commit else 0, start))
            deleted += counts.skip_to(start)
        return deleted

    async def stop(self) -> None:
        """Close what asks the broker."""
        await self._reader.stop()
        await self._group.stop()

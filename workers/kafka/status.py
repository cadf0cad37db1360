"""What a cluster says of its topics and groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.consuming.backlog import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStatus:
    """A topic as the cluster has it."""

    name: str
    ends: Mapping[int, int]  # partition -> offset of the next record
    starts: Mapping[int, int]  # partition -> offset of the oldest record

    @property
    def records(self) -> int:
        """How many offsets it spans: the records it holds, where nothing was compacted."""
        return sum(end - self.starts[partition] for partition, end in self.ends.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """A consumer group."""

    name: str
    state: str  # Kafka's word: Stable, PreparingRebalance, CompletingRebalance, Empty, Dead
    members: int
    lag: Mapping[Partition, int]  # offsets that are there, beyond the committed position, finished out of order or not


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicShape:
    """What of a topic must be right."""

    partitions: int
    configs: Mapping[str, str]

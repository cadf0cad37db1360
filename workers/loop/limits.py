"""How much and how long; and what the loop tells about itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pipeline.consuming.backlog import Partition
from pipeline.consuming.flood import FloodLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, and how long."""

    in_flight: int = 500  # records in hand at once, without those that are parked
    buffer: int = 2000  # waiting records of one partition from which it is paused; at half of it, it is resumed
    drain_s: float = 10.0  # what is in hand may take so long on stop and on revoke
    commit_every_s: float = 0.25
    commit_timeout_s: float = 5.0  # after which a commit is given up; the next one carries the same and more
    watchdog_s: float = 30.0  # work to do and nothing done, with the broker there
    flood: FloodLimits = field(default_factory=FloodLimits)

    @property
    def rebalance_s(self) -> float:
        """The longest time that giving partitions up may take: drain, a commit under way, and the last one."""
        return self.drain_s + 2 * self.commit_timeout_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the loop tells about itself."""

    member: bool  # of the group, with an assignment
    in_flight: int
    parked: int  # of them, those that wait for something
    buffered: int  # fetched and not started
    unfinished: int  # known offsets that are not finished
    map_characters: int  # of the largest commit metadata; at most 4096
    lag: Mapping[Partition, int]  # records that are not fetched yet
    idle_s: float  # since the last progress
    broker_away: bool
    paused: Collection[Partition]  # by a flood of our own faults

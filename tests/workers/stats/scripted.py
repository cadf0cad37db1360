"""Kafka for the statistics, in memory: a test says what the broker has, and moves the time."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from datetime import UTC, datetime

from pipeline.errors import BrokerAway
from pipeline.evidence.routes import Source
from pipeline.evidence.tallying import PartitionCounts
from pipeline.records import Attempt, Incident, RouteTable, Tally, decode, encode
from pipeline.records.topics import ATTEMPTS, INCIDENTS, ROUTES, TALLIES
from tests.samples import ATTEMPT
from workers.stats.membership import SEAT, Membership
from workers.stats.tallier import Tallier

OTHER: Source = (ATTEMPTS.name, 1)
SESSION_S = 6.0
VALUE = encode(ATTEMPT)


class SetClock:
    """Monotonic time and the broker's time, which a test moves."""

    def __init__(self) -> None:
        self.error_s = 0.01
        self.at = ATTEMPT.sent_at.timestamp()

    def __call__(self) -> float:
        return self.at

    def epoch_s(self) -> float:
        return self.at

    def witness(self, stamp_ms: int) -> None:
        self.at = max(self.at, stamp_ms / 1000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def move(self, seconds: float) -> None:
        self.at += seconds


class ScriptedBroker:
    """The sources, with what the broker has of them."""

    def __init__(self) -> None:
        self.counts = {source: PartitionCounts(source) for source in (SEAT, OTHER)}
        self.has = {SEAT: 0, OTHER: 0}
        self.starts = {SEAT: 0, OTHER: 0}
        self.tallies = 0  # on the topic
        self.away = False
        self.asked = 0

    async def find(self) -> None:
        self._answer()

    async def ends(self, sources: Collection[Source]) -> Mapping[Source, int]:
        self._answer()
        return {source: self.has[source] for source in sources}

    async def told(self) -> int:
        self._answer()
        return self.tallies

    async def begin(self, sources: Collection[Source]) -> int:
        self._answer()
        for source in sources:
            self.counts[source].begin(self.starts[source])
        return sum(self.counts[source].skip_to(self.starts[source]) for source in sources)

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise BrokerAway("it is away")


class Topics:
    """Remembers what was produced; it is acknowledged at once, or when a test says."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.records: list[tuple[str, str, bytes]] = []
        self.acknowledging = asyncio.Event()
        self.acknowledging.set()

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[None]:
        self.records.append((topic, key, value))
        return asyncio.ensure_future(self._acknowledged())

    async def _acknowledged(self) -> None:
        await self.acknowledging.wait()

    def tallies(self) -> list[Tally]:
        return [decode(Tally, value) for topic, _, value in self.records if topic == TALLIES.name]

    def incidents(self) -> list[Incident]:
        return [decode(Incident, value) for topic, _, value in self.records if topic == INCIDENTS.name]

    def tables(self) -> list[RouteTable]:
        return [decode(RouteTable, value) for topic, _, value in self.records if topic == ROUTES.name]


class World:
    """A tallier with everything around it. `topic` are the tallies that it has still to follow."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.broker = ScriptedBroker()
        self.topics = Topics(self.clock)
        self.membership = Membership(SESSION_S, self.clock)
        self.told: list[Tally] = []
        self.done: list[int] = []
        self.tallier = Tallier(self.broker, self.catch_up, self.membership, self.topics, ["carrier-a"])

    async def catch_up(self) -> None:
        for tally in self.told:
            self.broker.counts[tally.topic, tally.partition].take(tally)

    async def take(self, offset: int, value: bytes | None = VALUE, source: Source = SEAT) -> None:
        """Let the stream bring a record, which the broker therefore has."""
        self.broker.has[source] = max(self.broker.has[source], offset + 1)
        await self.tallier.take(source, offset, self.clock.at, value, lambda: self.done.append(offset))

    async def skip(self, first: int, last: int, source: Source = SEAT) -> None:
        """Let the stream bring offsets without a record."""
        self.broker.has[source] = max(self.broker.has[source], last + 1)
        await self.tallier.skip(source, first, last, lambda: self.done.append(last))


def accepted(tallies: Collection[Tally]) -> int:
    """Count what the last tallies of one cell say."""
    return max((cell.counts.accepted for tally in tallies for cell in tally.cells), default=0)


def attempt(provider: str) -> Attempt:
    """Give an attempt through a provider."""
    return Attempt(**{**{name: getattr(ATTEMPT, name) for name in ATTEMPT.__struct_fields__}, "provider": provider})

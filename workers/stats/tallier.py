"""Stage 1: counts the records of its partitions, and publishes once a second what has changed."""

import asyncio
import math
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from pipeline.errors import BrokerAway, CannotGoOn
from pipeline.evidence.reading import read
from pipeline.evidence.routes import Source
from pipeline.evidence.tallying import PartitionCounts
from pipeline.records import Tally, encode
from pipeline.records.topics import TALLIES
from workers.log import get_log
from workers.stats.membership import Membership
from workers.stats.seam import Broker, Done, Producer

log = get_log("stats")

PHASE_S: Final = 0.05  # after each whole second of the broker's clock: all processes publish then
REACH_S: Final = 0.4  # for what the broker had then to be counted
LOOK_S: Final = 0.01
RETRY_S: Final = 0.5


class Tallier:
    """Takes the events of the stream. Their offsets may be committed when a tally that counts them is on the topic.

    `caught_up` waits until everything that is on otp.tallies has been taken, and raises BrokerAway.
    """

    def __init__(
        self,
        broker: Broker,
        caught_up: Callable[[], Awaitable[None]],
        membership: Membership,
        producer: Producer,
        providers: Collection[str],
    ) -> None:
        self._broker = broker
        self._counts = broker.counts
        self._caught_up = caught_up
        self._membership = membership
        self._producer = producer
        self._providers = frozenset(providers)
        self._unacknowledged: defaultdict[Source, deque[tuple[int, Done]]] = defaultdict(deque)
        self.figures: Counter[str] = Counter()  # counted, replayed, deleted, tallies
        self.ignored: Counter[str] = Counter()  # by reason
        self.counted_at = self.published_at = membership.clock()

    def assigned(self, sources: Collection[Source]) -> None:
        """Begin with an assignment."""
        for source in sources:
            self._counts.setdefault(source, PartitionCounts(source))
        self._membership.assigned(sources)
        log.info("partitions.assigned", count=len(sources))

    def revoked(self) -> None:
        """Publish nothing until the next assignment. What is not acknowledged is delivered again after it."""
        self._membership.revoked()
        self._unacknowledged.clear()

    async def take(self, source: Source, offset: int, appended_at: float, value: bytes | None, done: Done) -> None:
        """Count a record, unless it is counted already. Raises CannotGoOn when some before it were left out."""
        self._producer.clock.witness(int(appended_at * 1000))
        if offset < await self._position(source, offset):
            self.figures["replayed"] += 1
        else:
            self._count(self._counts[source], offset, appended_at, value)
        self._taken(source, offset, done)

    async def skip(self, source: Source, first: int, last: int, done: Done) -> None:
        """Pass over offsets that hold no record. Raises CannotGoOn when some before them were left out."""
        if last >= await self._position(source, first):
            self._counts[source].skip_to(last + 1)
        self._taken(source, last, done)

    async def run(self) -> None:
        """Publish once a second, for ever."""
        clock = self._producer.clock
        while True:
            now = clock.epoch_s() - PHASE_S
            await asyncio.sleep(math.floor(now) + 1 - now)
            try:
                await self.publish()
            except BrokerAway:
                log.warning("broker.away", wait_s=1.0)

    async def publish(self) -> None:
        """Publish what our partitions hold, and let go of the events that are in it. Raises BrokerAway."""
        sources = self._membership.sources
        if unknown := [source for source in sources if self._counts[source].position is None]:
            await self._restore(unknown)
        await self._complete(sources)
        tallies = [tally for source in sorted(sources) for tally in self._counts[source].tallies()]
        await asyncio.gather(*(self._send(tally) for tally in tallies))
        for tally in tallies:
            self._acknowledge((tally.topic, tally.partition), tally.position)
        self.figures["tallies"] += len(tallies)
        self.published_at = self._membership.clock()

    async def _position(self, source: Source, offset: int) -> int:
        """Tell up to where is counted, which an offset must not be beyond. Raises CannotGoOn."""
        counts = self._counts[source]
        if counts.position is None or offset > counts.position:
            await self._restore([source])
        position = counts.position or 0
        if offset > position:
            raise CannotGoOn(f"{source[0]}/{source[1]}: records from {position} on were left out before {offset}")
        return position

    def _taken(self, source: Source, offset: int, done: Done) -> None:
        self._unacknowledged[source].append((offset, done))
        self.counted_at = self._membership.clock()

    def _count(self, counts: PartitionCounts, offset: int, appended_at: float, value: bytes | None) -> None:
        reading = read(counts.source[0], value, appended_at, self._providers)
        counts.count(offset, appended_at, reading.changes)
        self.figures["counted"] += 1
        if reading.ignored:
            self.ignored[reading.ignored.value] += 1

    async def _restore(self, sources: Collection[Source]) -> None:
        """Learn what others have published of partitions, when they were theirs, and where they begin."""
        while True:
            try:
                await self._caught_up()
                self.figures["deleted"] += await self._broker.begin(sources)
            except BrokerAway:
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _complete(self, sources: Collection[Source]) -> None:
        """Wait a moment until everything that the broker has now is counted, and note of which partitions it is."""
        clock = self._producer.clock
        asked_at = clock.epoch_s() - clock.error_s
        ends = await self._broker.ends(sources)
        deadline = self._membership.clock() + REACH_S
        while (behind := self._behind(ends)) and self._membership.clock() <= deadline:  # noqa: ASYNC110 - counts move often
            await asyncio.sleep(LOOK_S)
        if behind:  # of what was deleted no record ever comes
            self.figures["deleted"] += await self._broker.begin(behind)
            behind = self._behind(ends)
        if math.isfinite(asked_at):
            for source in set(sources).difference(behind):
                self._counts[source].complete_until(asked_at)

    def _behind(self, ends: Mapping[Source, int]) -> list[Source]:
        return [source for source, end in ends.items() if self._counts[source].lag(end)]

    def _send(self, tally: Tally) -> Awaitable[None]:
        return self._producer.send(TALLIES.name, f"{tally.topic}/{tally.partition}", encode(tally))

    def _acknowledge(self, source: Source, position: int) -> None:
        events = self._unacknowledged[source]
        while events and events[0][0] < position:
            events.popleft()[1]()

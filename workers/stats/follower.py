"""Reads tallies, tables and orders from the beginning of their topics and on, in every process.

So a process knows at once what a partition holds that it is given, and the one that stands by knows what the decider
knows. What is believed follows from the tallies alone, in the order in which they are on their topic.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.errors import InvalidMessage
from pipeline.evidence.routes import AHEAD_S, Evidence
from pipeline.records import Incident, Order, RouteTable, Tally, decode
from pipeline.records.topics import CONTROL, INCIDENTS, ROUTES, TALLIES
from workers.log import get_log
from workers.loop import Record
from workers.stats.decider import Decider
from workers.stats.seam import Broker, Reader

log = get_log("stats")

FOLLOWED: Final = (CONTROL, ROUTES, INCIDENTS, TALLIES)
_LOOK_S: Final = 0.02
_AHEAD: Final = timedelta(seconds=AHEAD_S)  # of what a tally knows before its own append: it is from the future


class Follower:
    """Feeds what is counted of the sources, the evidence and the decider."""

    def __init__(self, reader: Reader, broker: Broker, evidence: Evidence, decider: Decider) -> None:
        self._reader = reader
        self._broker = broker
        self._evidence = evidence
        self._decider = decider
        self._position = 0  # of otp.tallies
        self.unreadable: Counter[str] = Counter()  # by topic

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            for record in await self._reader.fetch():
                if record.topic == TALLIES.name:
                    self._position = record.offset + 1
                if not record.nothing:
                    self._take(record)
            await asyncio.sleep(0)

    async def caught_up(self) -> None:
        """Wait until everything that is on otp.tallies now has been taken. Raises BrokerAway."""
        end = await self._broker.told()
        while self._position < end:  # noqa: ASYNC110 - it moves with every record, and is seldom waited for
            await asyncio.sleep(_LOOK_S)

    def _take(self, record: Record) -> None:
        try:
            _TAKE[record.topic](self, record)
        except InvalidMessage as error:
            self.unreadable[record.topic] += 1
            log.warning("record.unreadable", topic=record.topic, offset=record.offset, reason=error.reason)

    def _take_tally(self, record: Record) -> None:
        tally = decode(Tally, record.value)
        counts = self._broker.counts.get((tally.topic, tally.partition))
        if tally.as_of > _appended_at(record) + _AHEAD:
            self.unreadable[record.topic] += 1
        elif counts is not None:
            counts.take(tally)
            self._evidence.take(tally)
            self._decider.look()

    def _take_table(self, record: Record) -> None:
        if record.value is not None:
            self._decider.told(decode(RouteTable, record.value), _appended_at(record))

    def _take_incident(self, record: Record) -> None:
        if record.value is not None:
            self._decider.happened(decode(Incident, record.value))

    def _take_order(self, record: Record) -> None:
        """Take an order or its withdrawal; one that cannot be read withdraws what was there by its key."""
        key = (record.key or b"").decode(errors="replace")
        self._decider.ordered(key, None)
        if record.value is not None:
            self._decider.ordered(key, decode(Order, record.value))


def _appended_at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


_TAKE: Final[Mapping[str, Callable[[Follower, Record], None]]] = {
    TALLIES.name: Follower._take_tally,  # noqa: SLF001
    ROUTES.name: Follower._take_table,  # noqa: SLF001
    INCIDENTS.name: Follower._take_incident,  # noqa: SLF001
    CONTROL.name: Follower._take_order,  # noqa: SLF001
}

"""Ends the process when only a restart may help: a stream that is stuck shows no other sign."""

import asyncio
import time
from typing import Final

from pipeline.errors import BrokerAway, CannotGoOn
from workers.stats.membership import Membership
from workers.stats.sources import Sources
from workers.stats.stream import Stream
from workers.stats.tallier import Tallier

SILENT_S: Final = 15.0  # while records wait and none is counted, or nothing is published
ALONE_S: Final = 30.0  # without an assignment
LOOK_S: Final = 1.0
ANSWER_S: Final = 5.0  # that a question to the broker may take
FIND_EVERY_S: Final = 60.0


class Watchdog:
    """Compares what the broker has with what is done. When the broker was away, or the process frozen, all begins anew.

    It also keeps the membership's beat, and looks for partitions that were added.
    """

    def __init__(self, stream: Stream, sources: Sources, membership: Membership, tallier: Tallier) -> None:
        self._stream = stream
        self._sources = sources
        self._membership = membership
        self._tallier = tallier
        self._since = self._looked_at = self._found_at = time.monotonic()
        self._member_at = self._idle_at = self._since
        self.broker_away = False
        self.lag = 0

    async def run(self) -> None:
        """Watch for ever. Raises CannotGoOn."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._membership.beat()
            if self._stream.failure:
                raise self._stream.failure
            await self._look()
            self._judge(time.monotonic())

    async def _look(self) -> None:
        began = time.monotonic()
        frozen = began - self._looked_at > 2 * LOOK_S + ANSWER_S
        try:
            ends = await self._sources.ends(self._membership.sources)
            if began - self._found_at > FIND_EVERY_S:
                await self._sources.find()
                self._found_at = began
            self.lag = sum(self._sources.lag(source, end) for source, end in ends.items())
            self.broker_away = False
        except BrokerAway:
            self.broker_away = True
        self._looked_at = time.monotonic()
        if frozen or self.broker_away:
            self._since = self._looked_at

    def _judge(self, now: float) -> None:
        """Tell a restart from a pause that has its reason."""
        if self._membership.is_member:
            self._member_at = now
        if not self.lag:
            self._idle_at = now
        if now - max(self._tallier.counted_at, self._idle_at, self._since) > SILENT_S:
            raise CannotGoOn(f"no record was counted for {SILENT_S:g} s although there are some and the broker answers")
        if now - max(self._tallier.published_at, self._since) > SILENT_S:
            raise CannotGoOn(f"nothing was published for {SILENT_S:g} s although the broker answers")
        if now - max(self._member_at, self._since) > ALONE_S:
            raise CannotGoOn(f"the group has assigned nothing for {ALONE_S:g} s although the broker answers")

"""Ends the process when only a restart may help: a stream that is stuck shows no other sign."""

import asyncio
from collections import Counter
from typing import Final

from pipeline.errors import BrokerAway, CannotGoOn
from workers.stats.membership import Membership
from workers.stats.seam import Broker
from workers.stats.tallier import Tallier

SILENT_S: Final = 15.0  # while records wait and none is counted, or nothing is published
ALONE_S: Final = 30.0  # without an assignment
LOOK_S: Final = 1.0
ANSWER_S: Final = 5.0  # that a question to the broker may take
FIND_EVERY_S: Final = 60.0
_MADE_ANEW: Final = (
    "otp.tallies tells of more records than {}/{} has: was that topic made anew? Then make otp.tallies anew too"
)


class Watchdog:
    """Compares what the broker has with what is done. When the broker was away, or the process frozen, all begins anew.

    It also keeps the membership's beat, and looks for partitions that were added.
    """

    def __init__(self, broker: Broker, membership: Membership, tallier: Tallier) -> None:
        self._broker = broker
        self._membership = membership
        self._tallier = tallier
        self._clock = membership.clock
        self._since = self._looked_at = self._found_at = self._clock()
        self._member_at = self._idle_at = self._since
        self.broker_away = False
        self.lags: Counter[str] = Counter()  # records that are not counted yet, by topic

    @property
    def lag(self) -> int:
        """Give how many records are not counted yet."""
        return self.lags.total()

    @property
    def idle_s(self) -> float:
        """Seconds since a record was counted or something was published, whichever is longer ago, while it should."""
        now = self._clock()
        return max(self._uncounted_s(now), self._unpublished_s(now))

    async def run(self) -> None:
        """Watch for ever. Raises CannotGoOn."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Look once. Raises CannotGoOn."""
        self._membership.beat()
        began = self._clock()
        frozen = began - self._looked_at > 2 * LOOK_S + ANSWER_S
        try:
            await self._ask(began)
            self.broker_away = False
        except BrokerAway:
            self.broker_away = True
        self._looked_at = self._clock()
        if frozen or self.broker_away:
            self._since = self._looked_at
        self._judge(self._looked_at)

    async def _ask(self, now: float) -> None:
        before = {source: self._broker.counts[source].position or 0 for source in self._membership.sources}
        ends = await self._broker.ends(before.keys())
        for source, position in before.items():
            if ends[source] < position:
                raise CannotGoOn(_MADE_ANEW.format(*source))
        lags = Counter[str]()
        for source, end in ends.items():
            lags[source[0]] += self._broker.counts[source].lag(end)
        self.lags = lags
        if now - self._found_at > FIND_EVERY_S:
            await self._broker.find()
            self._found_at = now

    def _judge(self, now: float) -> None:
        """Tell a restart from a pause that has its reason."""
        if self._membership.is_member:
            self._member_at = now
        if not self.lag:
            self._idle_at = now
        if self._uncounted_s(now) > SILENT_S:
            raise CannotGoOn(f"no record was counted for {SILENT_S:g} s although there are some and the broker answers")
        if self._unpublished_s(now) > SILENT_S:
            raise CannotGoOn(f"nothing was published for {SILENT_S:g} s although the broker answers")
        if now - max(self._member_at, self._since) > ALONE_S:
            raise CannotGoOn(f"the group has assigned nothing for {ALONE_S:g} s although the broker answers")

    def _uncounted_s(self, now: float) -> float:
        return now - max(self._tallier.counted_at, self._idle_at, self._since)

    def _unpublished_s(self, now: float) -> float:
        return now - max(self._tallier.published_at, self._since)

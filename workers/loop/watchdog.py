"""The watchdog: work to do, the broker there, and nothing moves. Stuck consumers show no other sign."""

import asyncio
from collections.abc import Callable, Mapping

from pipeline.consuming.backlog import Backlog, Partition, Share
from pipeline.errors import BrokerAway, CannotGoOn
from workers.loop.limits import Limits
from workers.loop.seam import Consumer, Record


class Watchdog:
    """Asks the broker for the lag, and compares it with what has been done.

    When the broker was away, or the process frozen, everything gets its full time again.
    """

    def __init__(
        self, consumer: Consumer, backlog: Backlog[Record], limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._consumer = consumer
        self._backlog = backlog
        self._limits = limits
        self._clock = clock
        self._progress_at = self._fetched_at = clock()
        self.lag: Mapping[Partition, int] = {}
        self.broker_away = False

    @property
    def idle_s(self) -> float:
        """Seconds since the last progress."""
        return self._clock() - self._progress_at

    def progress(self) -> None:
        """Note that something was done."""
        self._progress_at = self._clock()

    def fetched(self) -> None:
        """Note that a fetch has returned, with records or without."""
        self._fetched_at = self._clock()

    async def watch(self, in_hand: Callable[[], int]) -> None:
        """Watch for ever. Raises CannotGoOn when only a restart may help."""
        pause_s = self._limits.watchdog_s / 6
        while True:
            asleep_at = self._clock()
            await asyncio.sleep(pause_s)
            frozen = self._clock() - asleep_at > 2 * pause_s  # the whole process was, so nothing could be done
            try:
                self.lag = await self._consumer.lag()
                self.broker_away = False
            except BrokerAway:
                self.broker_away = True
            if frozen or self.broker_away:
                self._progress_at = self._fetched_at = self._clock()
            self._judge(has_work=in_hand() > 0 or self._has_backlog())

    def _judge(self, *, has_work: bool) -> None:
        now, limit_s = self._clock(), self._limits.watchdog_s
        if not has_work:
            self._progress_at = now
        if now - self._progress_at > limit_s:
            raise CannotGoOn(f"nothing was done for {limit_s} s although there is work and the broker answers")
        if now - self._fetched_at > limit_s + self._limits.rebalance_s:
            raise CannotGoOn("no fetch has returned for long although the broker answers")

    def _has_backlog(self) -> bool:
        """Tell whether records should be moving. Waiting until due and waiting for an operator is no work."""
        shares = self._backlog.shares
        return any(_wants(shares.get(partition), lag) for partition, lag in self.lag.items())


def _wants(share: Share[Record] | None, lag: int) -> bool:
    if share is None:
        return lag > 0
    return share.due_at is None and not share.held and (lag > 0 or bool(share.waiting))

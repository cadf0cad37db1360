"""Commits: what has changed, a few times a second, one at a time."""

import asyncio

from pipeline.consuming.backlog import Backlog
from pipeline.errors import BrokerAway, CommitRefused
from workers.log import get_log
from workers.loop.seam import Consumer, Record

log = get_log("loop")


class Commits:
    """Writes the positions and maps of all our partitions."""

    def __init__(self, consumer: Consumer, backlog: Backlog[Record], *, every_s: float, timeout_s: float) -> None:
        self._consumer = consumer
        self._backlog = backlog
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._writing = asyncio.Lock()

    async def keep_writing(self) -> None:
        """Write every now and then, for ever."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.write()

    async def write(self) -> None:
        """Write what has changed. One commit at a time, or an older one might be the last to arrive.

        A refused or late one is no harm: the next carries the same and more, or the partition has another owner.
        """
        async with self._writing:
            shares = [(share, commit) for share in self._backlog.shares.values() if (commit := share.uncommitted())]
            if not shares:
                return
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._consumer.commit({share.partition: commit for share, commit in shares})
            except (CommitRefused, BrokerAway, TimeoutError) as error:
                log.warning("offsets.not_committed", count=len(shares), exc_info=error)
                return
            for share, commit in shares:
                share.committed = commit

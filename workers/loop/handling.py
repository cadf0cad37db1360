"""One record, handled to its end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pipeline.consuming.backlog import Partition
from pipeline.errors import BrokerAway, CannotGoOn
from workers.log import get_log
from workers.loop.failures import Failures
from workers.loop.seam import Record

log = get_log("loop")

_RETRY_S: Final = 0.5  # between tries to handle a record whose consequences Kafka does not take


class Handler:
    """Handles records again while Kafka is away, and buries those that cannot be handled. `now`: any seconds."""

    def __init__(
        self, handle: Callable[[Record], Awaitable[None]], failures: Failures, now: Callable[[], float]
    ) -> None:
        self._handle = handle
        self._failures = failures
        self._now = now

    async def finish(self, partition: Partition, record: Record) -> bool:
        """Handle a record, or bury it. True: with this one there is a flood of our own faults. Raises CannotGoOn."""
        try:
            await self._again_and_again(record)
        except CannotGoOn:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stand in the way of other records
            await self._failures.bury(record, error)
            return self._failures.is_flood(partition, error, self._now())
        return False

    async def _again_and_again(self, record: Record) -> None:
        """Handle a record, once more when Kafka did not take what follows from it: that is not the record's fault."""
        while True:
            try:
                return await self._handle(record)
            except BrokerAway:
                log.warning(
                    "record.handled_again", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await asyncio.sleep(_RETRY_S)

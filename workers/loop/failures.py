"""What becomes of a record that could not be handled: a dead letter, and when too many are our fault, a pause."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from pipeline.consuming.backlog import Partition
from pipeline.consuming.flood import Flood, FloodLimits
from pipeline.errors import CannotGoOn, InvalidMessage
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("loop")

RETRY_S: Final = 1.0  # between tries to write a dead letter


class Failures:
    """Buries records, and watches for floods of our own faults in each partition."""

    def __init__(
        self,
        dead_letter: Callable[[Record, Exception], Awaitable[None]],
        is_own_fault: Callable[[Exception], bool],
        limits: FloodLimits,
    ) -> None:
        self._dead_letter = dead_letter
        self._is_own_fault = is_own_fault
        self._limits = limits
        self._floods: dict[Partition, Flood] = {}

    async def bury(self, record: Record, error: Exception) -> None:
        """Write the dead letter, however long it takes: without one the record is not finished."""
        if not isinstance(error, InvalidMessage):
            log.error("record.defect", **_origin(record), exc_info=error)
        while True:
            try:
                return await self._dead_letter(record, error)
            except CannotGoOn:
                raise
            except Exception:
                log.exception("dead_letter.failed", **_origin(record), wait_s=RETRY_S)
                await asyncio.sleep(RETRY_S)

    def is_flood(self, partition: Partition, error: Exception, now: float) -> bool:
        """Note a failure; tell whether those of the partition have become a flood of our own faults."""
        if not self._is_own_fault(error):
            return False
        flood = self._floods.setdefault(partition, Flood(self._limits))
        return flood.failed(now, getattr(error, "source", None))

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Count anew for these partitions."""
        for partition in partitions:
            self._floods.pop(partition, None)


def _origin(record: Record) -> dict[str, Any]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}

"""What callers say of their own codes, kept in the rows of their requests."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import orjson
from msgspec import Struct

from pipeline.errors import RowUnreadable, StoreAway
from workers.log import get_log
from workers.state.client import Store
from workers.state.coalescer import CHUNK, Coalescer

LINGER_S: Final = 0.01  # between two calls; nobody waits for the answer
OWED_MAX: Final = 100_000  # reports to write when the store is back

log = get_log("state")


class Report(Struct, frozen=True, kw_only=True):
    """A person has entered the code of a request, says its caller."""

    request_id: str
    caller: str
    at_ms: int  # broker time


class Reports:
    """Ends requests by what their callers say. What comes while the store is away is kept until it is back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reports = Coalescer(self._run, LINGER_S)
        self._owed: OrderedDict[str, Report] = OrderedDict()
        store.when_back.append(self._mend)

    @property
    def owed(self) -> int:
        """Give the number of reports that wait for the store to come back."""
        return len(self._owed)

    async def take(self, report: Report) -> bool:
        """Tell whether the request is over by it; False: its row does not prove it, or the store is away."""
        try:
            return await self._reports.ask(report)
        except RowUnreadable:
            return False
        except StoreAway:
            self._owe(report)
            return False

    def _owe(self, report: Report) -> None:
        if len(self._owed) >= OWED_MAX:
            self._owed.popitem(last=False)
            log.warning("store.report_dropped")
        self._owed[report.request_id] = report

    async def _mend(self) -> None:
        """Write what the store has missed, oldest first; what fails again stays owed."""
        while self._owed:
            chunk = list(self._owed.values())[:CHUNK]
            await self._run(chunk)
            for report in chunk:
                self._owed.pop(report.request_id, None)

    async def _run(self, reports: Sequence[Report]) -> list[bool | RowUnreadable]:
        rows = orjson.dumps([(report.request_id, report.caller, report.at_ms) for report in reports])
        answers = await self._store.run("report", rows, questions=len(reports))
        return [self._store.cannot_read("report") if answer is None else bool(answer) for answer in answers]

"""The counts of one source partition, from its records or from the tallies of whoever counted them before.

They follow from the records up to a position alone: whoever counts the same prefix of the log gets the same, so that
a replay, a takeover or a process that was believed dead changes nothing.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import astuple

from pipeline.evidence.reading import Change, Key
from pipeline.evidence.routes import WINDOW_S, Source
from pipeline.records import Cell, Counts, Tally

MOST_CELLS: Final = 250  # of a tally: with the longest names they stay under what a reader takes
KEPT_S: Final = WINDOW_S + 60  # brokers' clocks may differ a little when a partition changes its leader
PRUNE_EVERY_S: Final = 60


class PartitionCounts:
    """Absolute counts by send second, provider, country and configuration. Instants are the broker's epoch seconds."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.position: int | None = None  # every record before it is counted; none: nothing is known yet
        self.as_of = 0.0  # every record that the broker had by then is counted
        self._cells: dict[Key, list[int]] = {}
        self._changed: set[Key] = set()  # since the last tally
        self._full: list[Tally] = []  # tallies that were full before it was time for one
        self._pruned_at = 0.0

    @property
    def cells(self) -> int:
        """Tell how many cells are held."""
        return len(self._cells)

    def lag(self, end: int) -> int:
        """Tell how many records before the end of the partition are not counted yet."""
        return max(end - (self.position or 0), 0)

    def begin(self, position: int) -> None:
        """Say where counting begins, when no tally told."""
        if self.position is None:
            self.position = position

    def count(self, offset: int, appended_at: float, changes: Collection[Change]) -> None:
        """Count the record at the position, and no other."""
        if offset != self.position:
            raise ValueError(f"{self.source}: offset {offset} at position {self.position}")
        self.position = offset + 1
        self.as_of = max(self.as_of, appended_at - 0.001)  # another record of the same millisecond may follow
        for change in changes:
            cell = self._cells.setdefault(change.key, [0] * len(Counts.__struct_fields__))
            for field in change.fields:
                cell[field] += 1
            self._changed.add(change.key)
        if len(self._changed) >= MOST_CELLS:
            self._full.append(self._tally())
        self._prune(appended_at)

    def skip_to(self, start: int) -> int:
        """Go on at the oldest record that is still there; give how many are gone that nobody counted."""
        gone = max(start - (self.position or 0), 0)
        self.position = (self.position or 0) + gone
        return gone

    def take(self, tally: Tally) -> None:
        """Take over what somebody else has counted, when it is more than is counted here.

        Whoever published it has published before what changed before: everything that changed here is on the topic.
        """
        if self.position is not None and tally.position <= self.position:
            return
        self.position = tally.position
        self.as_of = max(self.as_of, tally.as_of.timestamp())
        self._changed.clear()
        self._full.clear()
        for cell in tally.cells:
            key = (cell.second, cell.provider, cell.country, cell.config)
            self._cells[key] = list(astuple(cell.counts))
        self._prune(self.as_of)

    def complete_until(self, instant: float) -> None:
        """Note that the broker had no record beyond the position at an instant."""
        self.as_of = max(self.as_of, instant)

    def tallies(self) -> list[Tally]:
        """Give what is to be published now: one tally, after those that were full before."""
        full, self._full = self._full, []
        return [*full, self._tally()] if self.position is not None else []

    def _tally(self) -> Tally:
        topic, partition = self.source
        cells = tuple(
            Cell(second=key[0], provider=key[1], country=key[2], config=key[3], counts=Counts(*self._cells[key]))
            for key in sorted(self._changed & self._cells.keys())
        )
        self._changed.clear()
        return Tally(
            topic=topic,
            partition=partition,
            position=self.position or 0,
            as_of=datetime.fromtimestamp(self.as_of, UTC),
            cells=cells,
        )

    def _prune(self, now: float) -> None:
        if now - self._pruned_at < PRUNE_EVERY_S:
            return
        self._pruned_at = now
        oldest = now - KEPT_S
        for key in [key for key in self._cells if key[0] < oldest]:
            del self._cells[key]

"""What the page shows, kept up to date from the topics. Records that are broken are counted."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.evidence.routes import Evidence
from pipeline.records import DeadLetter, Incident, Order, Phase, RouteTable, Tally, decode
from pipeline.records.topics import CONTROL, DEAD, INCIDENTS, RESOLUTIONS, ROUTES, TALLIES, Topic
from pipeline.reports.board import CountryRow, History, Totals, country_row, versions
from workers.loop import Record

FOLLOWED: Final[tuple[Topic, ...]] = (CONTROL, ROUTES, INCIDENTS, TALLIES, DEAD, RESOLUTIONS)
DELAY_S: Final = 60  # how long a message takes are learned when it is so old
MOST_INCIDENTS: Final = 50
STALE: Final = timedelta(seconds=30)  # without a newer look at the evidence


class Feed:
    """Takes records, and gives what has changed since it was asked last. `clock` gives the broker's time."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.when_urgent: Callable[[], None] = lambda: None  # called when news cannot wait
        self._evidence = Evidence()
        self._totals = Totals()
        self._ticked_at = 0
        self._histories: dict[str, History] = {}
        self.tables: dict[str, RouteTable] = {}
        self._incidents: dict[str, Incident] = {}
        self.orders: dict[str, Order] = {}
        self._open_letters: dict[str, DeadReason] = {}  # by topic/partition/offset
        self.unreadable: Counter[str] = Counter()  # by topic
        self._shown: dict[str, CountryRow] = {}  # as they were told last

    def take(self, record: Record) -> None:
        """Take a record of one of the topics."""
        try:
            _TAKE[record.topic](self, record)
        except InvalidMessage:
            self.unreadable[record.topic] += 1

    def history(self, country: str) -> list[Any]:
        """Give the points of the last half hour of a country; none of one that is not known."""
        found = self._histories.get(country)
        return list(found.points) if found else []

    def whole(self) -> dict[str, Any]:
        """Give everything, as somebody needs it who has just come."""
        return self._document(list(self._rows().values()))

    def news(self) -> dict[str, Any]:
        """Give the figures, and the countries that have changed since this was called last."""
        rows = self._rows()
        changed = [row for country, row in rows.items() if self._shown.get(country) != row]
        self._shown = rows
        return self._document(changed)

    def _rows(self) -> dict[str, CountryRow]:
        second = self._evidence.complete
        return {country: country_row(table, self._evidence, second) for country, table in sorted(self.tables.items())}

    def _document(self, rows: list[CountryRow]) -> dict[str, Any]:
        incidents = sorted(self._incidents.values(), key=_open_and_newest_first, reverse=True)[:MOST_INCIDENTS]
        as_of, now = self._evidence.as_of, self._clock()
        return {
            "at": now,
            "as_of": datetime.fromtimestamp(as_of, UTC) if as_of else None,
            "stale": any(now - table.decided_at > STALE for table in self.tables.values()),
            "top": self._totals.top(self._evidence, self._evidence.complete),
            "open": sum(one.phase is not Phase.CLOSED for one in self._incidents.values()),
            "countries": rows,
            "incidents": incidents,
            "orders": [order for order in self.orders.values() if order.expires_at > now],
            "dead": dict(Counter(self._open_letters.values())),
            "versions": versions(self._evidence, self._evidence.complete)[:5],
            "unreadable": sum(self.unreadable.values()),
        }

    def _take_tally(self, record: Record) -> None:
        self._evidence.take(decode(Tally, record.value))
        second = self._evidence.complete
        if second > self._ticked_at:
            self._ticked_at = second
            self._totals.tick(self._evidence, second)
            for route in self._evidence.routes.values():
                route.receipts.settle(second - DELAY_S, second)
                route.entries.settle(second - DELAY_S, second)

    def _take_table(self, record: Record) -> None:
        if record.value is None:
            return
        table = decode(RouteTable, record.value)
        before = self.tables.get(table.country)
        self.tables[table.country] = table
        self._histories.setdefault(table.country, History()).note(table)
        if before is None or before.revision != table.revision:
            self.when_urgent()

    def _take_incident(self, record: Record) -> None:
        if record.value is not None:
            incident = decode(Incident, record.value)
            self._incidents[incident.incident_id] = incident
            self.when_urgent()

    def _take_order(self, record: Record) -> None:
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self.orders.pop(key, None)
        else:
            self.orders.pop(key, None)  # one that cannot be read withdraws what it replaces
            self.orders[key] = decode(Order, record.value)
        self.when_urgent()

    def _take_dead(self, record: Record) -> None:
        letter = decode(DeadLetter, record.value)
        self._open_letters[f"{record.topic}/{record.partition}/{record.offset}"] = letter.reason

    def _take_resolution(self, record: Record) -> None:
        self._open_letters.pop((record.key or b"").decode(errors="replace"), None)


_TAKE: Final[Mapping[str, Callable[[Feed, Record], None]]] = {
    TALLIES.name: Feed._take_tally,  # noqa: SLF001 - its own
    ROUTES.name: Feed._take_table,  # noqa: SLF001
    INCIDENTS.name: Feed._take_incident,  # noqa: SLF001
    CONTROL.name: Feed._take_order,  # noqa: SLF001
    DEAD.name: Feed._take_dead,  # noqa: SLF001
    RESOLUTIONS.name: Feed._take_resolution,  # noqa: SLF001
}


def _open_and_newest_first(incident: Incident) -> tuple[bool, datetime]:
    return incident.phase is not Phase.CLOSED, incident.opened_at

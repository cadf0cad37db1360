"""Stage 2: looks at the evidence once a second. One process decides and publishes; the others learn the same."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Final

from msgspec.structs import replace

from pipeline.dispatch.following import Refusal, follow
from pipeline.evidence.routes import Evidence
from pipeline.incidents import Watch
from pipeline.records import Cause, Incident, Order, Phase, RouteTable, encode
from pipeline.records.topics import INCIDENTS, ROUTES
from pipeline.routing import Router
from pipeline.settings.countries import shares_for
from workers.log import get_log
from workers.stats.seam import Producer

log = get_log("stats")

FRESH_S: Final = 10.0  # older evidence moves nothing: dispatchers see that nobody looks any more
HEARTBEAT_S: Final = 5.0  # after which all tables are published again, with the instant of the look


class Decider:
    """Turns evidence into tables and incidents.

    `configured` are the shares of the settings; `mine` tells whether this process is the one that decides.
    """

    def __init__(
        self,
        router: Router,
        configured: Mapping[str, Mapping[str, float]],
        evidence: Evidence,
        producer: Producer,
        mine: Callable[[], bool],
    ) -> None:
        self._router = router
        self._configured = configured
        self._watch = Watch(configured)
        self._evidence = evidence
        self._producer = producer
        self._mine = mine
        self._incidents: dict[str, Incident] = {}
        self._orders: dict[str, Order] = {}
        self._revisions: dict[str, int] = {}  # of each country, the highest that is on the topic
        self._looked_at = 0  # second
        self._told_at = 0.0
        self.deciding = False

    @property
    def age_s(self) -> float | None:
        """How old what is known is; none when nothing is."""
        as_of = self._evidence.as_of
        return self._producer.clock.epoch_s() - as_of if as_of else None

    @property
    def tables(self) -> dict[str, int]:
        """Give the newest revision of each country."""
        return dict(self._revisions)

    @property
    def routes(self) -> Mapping[str, RouteTable]:
        """Give the newest table of each country, with the numbers behind it."""
        return self._router.tables

    @property
    def open_incidents(self) -> Counter[Cause]:
        """Tell how many incidents are open, by cause."""
        return Counter(one.cause for one in self._incidents.values() if one.phase is not Phase.CLOSED)

    def told(self, table: RouteTable, appended_at: datetime) -> None:
        """Take a table that is on the topic: whoever has to decide next goes on from it.

        One that dispatchers refuse is no table, and providers that are not configured any more are left out.
        """
        shares = shares_for(self._configured, table.country)
        if isinstance(follow(table, shares, None, appended_at), Refusal):
            log.warning("table.refused", country=table.country)
            return
        if not self.deciding:
            left = tuple(route for route in table.routes if route.provider in shares)
            self._router.follow(replace(table, routes=left))
        self._revisions[table.country] = max(table.revision, self._revisions.get(table.country, 0))

    def happened(self, incident: Incident) -> None:
        """Note an incident that is on the topic."""
        self._incidents[incident.incident_id] = incident

    def ordered(self, order_id: str, order: Order | None) -> None:
        """Take an operator's order, or its withdrawal."""
        if order is None:
            self._orders.pop(order_id, None)
        else:
            self._orders[order_id] = order
        self._router.order(list(self._orders.values()))

    def look(self) -> None:
        """Look at the evidence, when it has advanced by a second."""
        second = self._evidence.complete
        if second <= self._looked_at:
            return
        self._looked_at = second
        now = self._producer.clock.epoch_s()
        before, self.deciding = self.deciding, self._mine() and self._is_fresh(now)
        if not self.deciding:
            self._router.absorb(self._evidence, second)
            return
        if not before:
            self._watch = Watch(self._configured)
            self._watch.resume(self._incidents.values())
        self._decide(second, now)
        self._tell(second)

    def _is_fresh(self, now: float) -> bool:
        """Tell whether the evidence is of now, which is not known before the broker has told the time."""
        return isfinite(self._producer.clock.error_s) and now - self._evidence.as_of <= FRESH_S

    def _decide(self, second: int, now: float) -> None:
        changed = self._router.decide(self._evidence, second)
        for table in changed:
            self._revisions[table.country] = self._revisions.get(table.country, 0) + 1
        heartbeat = now - self._told_at >= HEARTBEAT_S
        self._publish(self._router.tables.values() if heartbeat else changed, now)
        if heartbeat:
            self._told_at = now

    def _tell(self, second: int) -> None:
        """Publish what went wrong. A defect here must not keep messages on a broken route."""
        try:
            for incident in self._watch.look(self._evidence, self._router.tables, second):
                self._producer.send(INCIDENTS.name, incident.incident_id, encode(incident))
        except Exception:
            log.exception("incidents.not_looked_at")

    def _publish(self, tables: Iterable[RouteTable], now: float) -> None:
        """Produce tables without waiting: what is lost in a crash comes again as a heartbeat of the next decider."""
        for table in tables:
            revision = self._revisions.setdefault(table.country, 1)
            record = replace(table, revision=revision, decided_at=datetime.fromtimestamp(now, UTC))
            self._producer.send(ROUTES.name, table.country, encode(record))

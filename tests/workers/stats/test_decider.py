"""Looking at the evidence once a second, by the one process that decides."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts, Mode, Order, OrderKind, RouteTable, Tally
from pipeline.routing import Router
from tests.samples import a_route, a_table
from tests.workers.stats.scripted import SetClock, Topics
from workers.stats.decider import FRESH_S, HEARTBEAT_S, Decider

SHARES = {"*": {"carrier-a": 60.0, "carrier-b": 40.0}}
SOURCE = ("otp.attempts", 0)
SENT = 10  # messages in each second, all through one provider
RECEIPT_AFTER_S = 5


def cell(second: int, **counts: int) -> Cell:
    return Cell(second, "carrier-a", "GB", "config", Counts(accepted=SENT, first=SENT, **counts))


class Deciding:
    """A decider whose evidence advances with the clock."""

    def __init__(self, *, mine: bool = True) -> None:
        self.clock = SetClock()
        self.topics = Topics(self.clock)
        self.evidence = Evidence([SOURCE])
        self.mine = mine
        self.router = Router(SHARES)
        self.decider = Decider(self.router, SHARES, self.evidence, self.topics, lambda: self.mine)
        self.position = 0

    def beliefs(self) -> tuple[list[float], list[float]]:
        """Tell what is believed of each provider now and usually, whether it was published or not."""
        routes = self.router.tables["GB"].routes
        return [route.normal for route in routes], [route.usual for route in routes]

    def go_on(self, seconds: int, *, behind_s: float = 0.5, delivered: int = SENT) -> list[RouteTable]:
        """Let so many seconds pass, with messages in each; give the tables that were published meanwhile."""
        before = len(self.topics.tables())
        for _ in range(seconds):
            self.clock.move(1)
            as_of = self.clock.at - behind_s
            self.position += 1
            self.evidence.take(
                Tally(
                    topic=SOURCE[0],
                    partition=SOURCE[1],
                    position=self.position,
                    as_of=datetime.fromtimestamp(as_of, UTC),
                    cells=(cell(int(as_of)), cell(int(as_of) - RECEIPT_AFTER_S, delivered=delivered)),
                )
            )
            self.decider.look()
        return self.topics.tables()[before:]


async def test_first_look_publishes_a_table_of_each_country() -> None:
    deciding = Deciding()
    (table,) = deciding.go_on(1)
    assert table.country == "GB"
    assert sum(route.share for route in table.routes) > 0.99
    assert table.revision == 1
    assert deciding.decider.deciding


async def test_tables_come_again_as_a_heartbeat_with_the_instant_of_the_newest_look() -> None:
    deciding = Deciding()
    deciding.go_on(1)
    tables = deciding.go_on(int(3 * HEARTBEAT_S))
    beats = [table.decided_at.timestamp() for table in tables if table.revision == tables[-1].revision]
    assert len(beats) >= 2
    assert deciding.clock.at - beats[-1] < HEARTBEAT_S
    assert max(later - earlier for earlier, later in pairwise(beats)) <= HEARTBEAT_S


async def test_process_that_stands_by_publishes_nothing_and_knows_as_much_when_it_takes_over() -> None:
    deciding, standing_by = Deciding(), Deciding(mine=False)
    deciding.go_on(30)
    assert standing_by.go_on(30) == []
    assert not standing_by.decider.deciding

    standing_by.mine = True
    (table,) = standing_by.go_on(1)
    deciding.go_on(1)

    normal, usual = deciding.beliefs()
    assert [route.normal for route in table.routes] == pytest.approx(normal, abs=0.02)
    assert [route.usual for route in table.routes] == pytest.approx(usual, abs=0.02)


async def test_old_evidence_moves_nothing_and_gives_no_heartbeat() -> None:
    deciding = Deciding()
    deciding.go_on(2)
    assert deciding.go_on(20, behind_s=FRESH_S + 5) == []
    assert not deciding.decider.deciding


async def test_nobody_decides_before_the_broker_has_told_the_time() -> None:
    deciding = Deciding()
    deciding.clock.error_s = float("inf")
    assert deciding.go_on(3, behind_s=-100) == []
    deciding.clock.error_s = 0.01
    assert len(deciding.go_on(101)) > 0


async def test_evidence_that_does_not_advance_is_looked_at_once() -> None:
    deciding = Deciding()
    deciding.go_on(1)
    deciding.clock.move(60)
    deciding.decider.look()
    assert len(deciding.topics.tables()) == 1


async def test_revisions_go_on_from_the_ones_that_are_on_the_topic() -> None:
    deciding = Deciding()
    (table,) = deciding.go_on(1)
    deciding.decider.told(replace(table, revision=41), deciding.clock.now())
    deciding.decider.told(replace(table, revision=40), deciding.clock.now())
    deciding.decider.ordered("order-1", order(OrderKind.PIN, deciding.clock))

    assert deciding.go_on(2)[0].revision == 42


async def test_table_that_dispatchers_refuse_is_not_gone_on_from() -> None:
    deciding = Deciding()
    (table,) = deciding.go_on(1)
    lies = [
        replace(table, revision=99, routes=()),
        replace(table, revision=99, routes=tuple(replace(route, share=float("nan")) for route in table.routes)),
        replace(table, revision=99, routes=tuple(replace(route, provider="gone") for route in table.routes)),
        replace(table, revision=99, decided_at=deciding.clock.now() + timedelta(hours=1)),
    ]
    for lie in lies:
        deciding.decider.told(lie, deciding.clock.now())
    assert deciding.decider.tables == {"GB": 1}


async def test_provider_that_is_not_configured_any_more_is_left_out_of_a_table() -> None:
    deciding = Deciding(mine=False)
    deciding.go_on(1)
    routes = [a_route(name, 0.5) for name in ("carrier-a", "carrier-z")]
    deciding.decider.told(a_table(*routes, revision=7), deciding.clock.now())
    deciding.mine = True

    (table,) = deciding.go_on(1)

    assert {route.provider for route in table.routes} == {"carrier-a", "carrier-b"}
    assert table.revision == 8


async def test_fault_is_told_as_an_incident() -> None:
    deciding = Deciding()
    deciding.go_on(90)
    assert deciding.topics.incidents() == []
    deciding.go_on(60, delivered=0)
    assert {incident.provider for incident in deciding.topics.incidents()} == {"carrier-a"}


async def test_incident_that_is_open_goes_on_when_another_process_decides() -> None:
    deciding, other = Deciding(), Deciding(mine=False)
    deciding.go_on(90)
    deciding.go_on(60, delivered=0)
    other.go_on(90)
    other.go_on(60, delivered=0)
    (opened,) = {incident.incident_id for incident in deciding.topics.incidents()}

    other.decider.happened(deciding.topics.incidents()[-1])
    other.mine = True
    other.go_on(30, delivered=0)

    assert {incident.incident_id for incident in other.topics.incidents()} <= {opened}


async def test_orders_are_followed_until_they_are_withdrawn() -> None:
    deciding = Deciding()
    deciding.go_on(1)
    deciding.decider.ordered("order-1", order(OrderKind.PIN, deciding.clock))
    assert deciding.go_on(2)[-1].mode is Mode.PINNED

    deciding.decider.ordered("order-1", None)
    assert deciding.go_on(int(HEARTBEAT_S) + 1)[-1].mode is not Mode.PINNED


def order(kind: OrderKind, clock: SetClock) -> Order:
    return Order(
        order_id="order-0123456789",
        kind=kind,
        provider="carrier-b",
        country="GB",
        reason="a test",
        author="tester",
        at=clock.now(),
        expires_at=clock.now() + timedelta(hours=1),
    )

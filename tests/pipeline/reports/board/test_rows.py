"""Rows of countries and providers."""

from datetime import timedelta

from msgspec.structs import replace

from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts, RouteTable
from pipeline.reports.board import History, country_row, versions
from tests.samples import NOW, a_route, a_table

T0 = int(NOW.timestamp())
TABLE = a_table(a_route("carrier-a", 0.9, leader=True, due=20.0, seen=18), a_route("carrier-b", 0.1, due=1.0, seen=1))


def known(counts: Counts) -> Evidence:
    evidence = Evidence()
    evidence.add(Cell(T0 - 30, "carrier-a", "GB", "v1", counts), T0)
    return evidence


def test_a_row_has_the_shares_of_its_table_in_their_order() -> None:
    row = country_row(TABLE, Evidence(), T0)
    assert [(route.provider, route.share, route.leader) for route in row.routes] == [
        ("carrier-a", 0.9, True),
        ("carrier-b", 0.1, False),
    ]


def test_what_is_delivered_is_judged_by_receipts_that_are_due() -> None:
    row = country_row(TABLE, Evidence(), T0)
    assert row.routes[0].delivered == round(18 / 20 / 0.97, 4)


def test_too_few_due_receipts_say_nothing() -> None:
    assert country_row(TABLE, Evidence(), T0).routes[1].delivered is None


def test_a_route_without_receipts_has_no_p95() -> None:
    assert country_row(TABLE, known(Counts(accepted=5)), T0).routes[0].p95_s is None


def test_messages_of_the_last_minute_are_counted() -> None:
    row = country_row(TABLE, known(Counts(accepted=5, first=3)), T0)
    assert (row.routes[0].sent, row.codes_per_s) == (5, 0.1)


def test_versions_come_newest_first() -> None:
    evidence = known(Counts(accepted=5))
    evidence.add(Cell(T0 - 10, "carrier-b", "GB", "v2", Counts(accepted=1)), T0)
    assert [(one.config, one.sent) for one in versions(evidence, T0)] == [("v2", 1), ("v1", 5)]


def after(seconds: float, share: float = 0.9) -> RouteTable:
    routes = (replace(TABLE.routes[0], share=share), replace(TABLE.routes[1], share=round(1 - share, 4)))
    return replace(TABLE, decided_at=NOW + timedelta(seconds=seconds), routes=routes)


def test_history_notes_changes_at_once_and_the_same_seldom() -> None:
    history = History()
    for table in (after(0), after(1), after(2, share=0.5), after(3, share=0.5), after(7, share=0.5)):
        history.note(table)
    assert [(point.at - NOW).total_seconds() for point in history.points] == [0, 2, 7]


def test_history_ignores_what_is_older_than_the_newest() -> None:
    history = History()
    for table in (after(5), after(1, share=0.5)):
        history.note(table)
    assert len(history.points) == 1


def test_history_keeps_half_an_hour_and_what_held_at_its_start() -> None:
    history = History()
    for minute in range(60):
        history.note(after(minute * 60))
    assert [(point.at - NOW).total_seconds() // 60 for point in history.points][:2] == [28, 29]

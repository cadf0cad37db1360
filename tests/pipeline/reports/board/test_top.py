"""The top line of the operators' page."""

from collections.abc import Iterable

from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts
from pipeline.reports.board import Totals

T0 = 1_800_000_000


def evidence_of(cells: Iterable[tuple[int, str, Counts]]) -> Evidence:
    evidence = Evidence()
    for second, provider, counts in cells:
        evidence.add(Cell(T0 + second, provider, "GB", "v1", counts), T0 + second)
    return evidence


def run(evidence: Evidence, until: int) -> Totals:
    totals = Totals()
    for second in range(until + 1):
        totals.tick(evidence, T0 + second)
    return totals


def test_nothing_sent_gives_no_shares() -> None:
    top = run(Evidence(), 60).top(Evidence(), T0 + 60)
    assert (top.codes_per_s, top.in_time, top.conversion) == (0.0, None, None)


def test_codes_a_second_are_of_the_last_ten() -> None:
    evidence = evidence_of((second, "a", Counts(accepted=5, first=4)) for second in range(100))
    assert run(evidence, 99).top(evidence, T0 + 99).codes_per_s == 4.0


def test_in_time_is_what_was_heard_within_thirty_seconds() -> None:
    evidence = evidence_of((second, "a", Counts(accepted=10, delivered=9)) for second in range(100))
    assert run(evidence, 99).top(evidence, T0 + 99).in_time == 0.9


def test_a_receipt_that_comes_later_is_not_in_time() -> None:
    evidence = evidence_of([(0, "a", Counts(accepted=10))])
    totals = run(evidence, 30)
    evidence.add(Cell(T0, "a", "GB", "v1", Counts(accepted=10, delivered=10)), T0 + 31, Counts(accepted=10))
    totals.tick(evidence, T0 + 31)
    assert totals.top(evidence, T0 + 31).in_time == 0.0


def test_an_entered_code_arrived_though_no_receipt_says_so() -> None:
    evidence = evidence_of([(0, "a", Counts(accepted=10, delivered=2, verified=8))])
    assert run(evidence, 30).top(evidence, T0 + 30).in_time == 0.8


def test_conversion_is_of_codes_that_are_a_minute_old() -> None:
    old = ((second, "a", Counts(accepted=2, first=2, verified=1)) for second in range(10))
    young = ((second, "a", Counts(accepted=2, first=2)) for second in range(100, 110))
    evidence = evidence_of([*old, *young])
    assert run(evidence, 110).top(evidence, T0 + 110).conversion == 0.5


def test_conversion_is_unknown_where_nobody_tells_of_entered_codes() -> None:
    evidence = evidence_of((second, "a", Counts(accepted=2, first=2, delivered=2)) for second in range(100))
    assert run(evidence, 99).top(evidence, T0 + 99).conversion is None

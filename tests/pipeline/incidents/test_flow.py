"""Receipts and entered codes that stop at one blow, and those that fade."""

import pytest

from pipeline.evidence.routes import Evidence
from pipeline.incidents.flow import Flow
from pipeline.incidents.measure import Sign

START = 1_800_000_000


def _flow(receipts: list[int], entries: list[int] | None = None) -> Flow:
    """Let so many come each second."""
    flow, evidence = Flow(), Evidence()
    route = evidence.route("carrier-a", "GB")
    for second, count in enumerate(receipts):
        route.receipts.heard += count
        route.entries.heard += entries[second] if entries else count
        flow.note(evidence, START + second)
    return flow


FADING = [20] * 70 + [18, 16, 13, 10, 8, 6, 4, 3, 2, 2, 1, 1, 0, 1] + [0] * 10


@pytest.mark.parametrize(
    ("receipts", "lost"),
    [
        ([20] * 70, False),
        ([20] * 70 + [0], False),  # a pause
        ([20] * 70 + [0] * 3, True),
        ([2] * 70 + [0] * 5, False),  # 10 were due: it may be chance
        ([2] * 70 + [0] * 9, True),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 1] * 10 + [0] * 19, False),  # too few ever to say it
        (FADING, False),  # messages are lost, and what was sent before still comes in
        ([0] * 100, False),
        ([20] * 70 + [0] * 5 + [20] * 10, False),  # it is back
        ([20] * 70 + [0] * 5 + [0, 1, 0, 1, 0], True),  # it is not
        ([20], False),
    ],
)
def test_signal_is_lost_when_it_stops_at_one_blow(receipts: list[int], lost: bool) -> None:  # noqa: FBT001 - a table
    assert (Sign.RECEIPTS in _flow(receipts).stops) is lost


def test_stop_is_told_with_the_second_after_which_nothing_came() -> None:
    assert _flow([20] * 70 + [0] * 30).stops[Sign.RECEIPTS].at == START + 69


def test_other_signal_goes_on() -> None:
    flow = _flow([20] * 70 + [0] * 8, [15] * 78)

    assert set(flow.stops) == {Sign.RECEIPTS}
    assert flow.going(Sign.ENTRIES)
    assert not flow.going(Sign.RECEIPTS)

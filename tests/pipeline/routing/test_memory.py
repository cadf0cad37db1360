"""What a route usually does, and how often it fails."""

import pytest

from pipeline.evidence.routes import Heard
from pipeline.routing.hazard import MOST, Hazard
from pipeline.routing.memory import PRIOR_RECEIPTS, Memory, Prior
from pipeline.routing.states import LEARNED

USUAL = Heard(10, 9, 1, 10, 8, 0, 0)
LOST = Heard(10, 0, 0, 10, 0, 0, 0)


def remember(*spans: tuple[int, Heard | None, float]) -> Memory:
    memory = Memory()
    for seconds, heard, weight in spans:
        for _ in range(seconds):
            memory.learn(heard, weight, 1.0)
    return memory


def test_nothing_known_leaves_the_guess() -> None:
    assert remember().receipts(Prior()) == pytest.approx(PRIOR_RECEIPTS)


def test_the_usual_shares_are_learned() -> None:
    memory = remember((600, USUAL, 1.0))
    assert memory.receipts(Prior()) == pytest.approx(0.9, abs=0.001)
    assert memory.failures == pytest.approx(0.1, abs=0.002)
    assert memory.entries == pytest.approx(0.8, abs=0.001)


def test_a_fault_hardly_changes_what_is_usual() -> None:
    memory = remember((600, USUAL, 1.0), (120, LOST, min(LEARNED)))
    assert memory.receipts(Prior()) > 0.88


def test_receipts_that_may_still_come_are_not_missing() -> None:
    memory = Memory()
    for _ in range(600):
        memory.learn(Heard(100, 72, 0, 100, 0, 0, 0), 1.0, 0.8)
    assert memory.receipts(Prior()) == pytest.approx(0.9, abs=0.001)


def test_the_young_are_added_to_the_settled() -> None:
    usual, deviation = remember().delivers(Prior(), due=990, delivered=891)
    assert usual == pytest.approx(0.9 / 0.97)
    assert deviation < 0.011


def test_the_deviation_shrinks_with_what_is_known() -> None:
    deviations = [remember((seconds, USUAL, 1.0)).delivers(Prior())[1] for seconds in (0, 10, 100, 600)]
    assert deviations == sorted(deviations, reverse=True)


def test_entered_codes_tell_which_route_delivers_more_where_there_are_no_receipts() -> None:
    good, bad = remember((600, Heard(10, 0, 0, 10, 8, 0, 0), 1.0)), remember((600, Heard(10, 0, 0, 10, 6, 0, 0), 1.0))
    assert good.enters(0.7)[0] > bad.enters(0.7)[0]


def test_a_fault_begins_under_three_tenths_and_ends_over_seven() -> None:
    hazard = Hazard()
    for normal in (0.9, 0.5, 0.29, 0.5, 0.2, 0.71, 0.29):
        hazard.learn(normal)
    assert (round(hazard.begun), round(hazard.ended)) == (2, 1)


def test_rates_follow_what_was_seen() -> None:
    calm, restless = Hazard(), Hazard()
    for second in range(3600):
        calm.learn(1.0)
        restless.learn(float(second % 60 < 30))
    assert restless.begins > 10 * calm.begins
    assert restless.ends > 1 / 60
    assert max(restless.begins, restless.ends) <= MOST

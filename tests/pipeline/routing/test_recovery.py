"""Coming back after a fault."""

import pytest

from pipeline.routing.recovery import LONGEST_WAIT_S, Recovery


def live(recovery: Recovery, *spans: tuple[int, float], start: int = 1000) -> int:
    """Note a probability of normal for so many seconds each; give the instant of the end."""
    now = start
    for seconds, normal in spans:
        for _ in range(seconds):
            now += 1
            recovery.note(normal, now)
    return now


@pytest.mark.parametrize(
    ("spans", "broken"),
    [
        ([(5, 0.99), (5, 0.3)], False),
        ([(5, 0.3), (1, 0.19)], True),
        ([(1, 0.19), (5, 0.79)], True),
        ([(1, 0.19), (5, 0.79), (1, 0.81)], False),
    ],
)
def test_a_route_breaks_under_a_fifth_and_is_well_again_over_four_fifths(
    spans: list[tuple[int, float]], *, broken: bool
) -> None:
    recovery = Recovery()
    live(recovery, *spans)
    assert recovery.broken == broken


def test_it_waits_before_it_comes_back() -> None:
    recovery = Recovery()
    now = live(recovery, (5, 0.1), (1, 0.9))
    assert recovery.waits(now)
    assert recovery.returns_at == now + 15
    assert not recovery.waits(now + 15)


def test_the_wait_doubles_with_each_fault_lately_up_to_a_limit() -> None:
    recovery, waits, now = Recovery(), [], 1000
    for _ in range(9):
        now = live(recovery, (5, 0.1), (1, 0.9), start=now)
        waits.append(recovery.returns_at - now)
    assert waits[:3] == pytest.approx([15, 30, 60], rel=0.05)
    assert waits[-1] == LONGEST_WAIT_S


def test_a_fault_long_ago_is_forgotten() -> None:
    recovery = Recovery()
    now = live(recovery, (5, 0.1), (9000, 0.9), (5, 0.1), (1, 0.9))
    assert recovery.returns_at - now == pytest.approx(15, rel=0.01)


@pytest.mark.parametrize(("after_s", "most"), [(-3, 0.1), (0, 0.1), (5, 0.3), (10, 0.6), (15, 1.0)])
def test_traffic_comes_back_in_stages(after_s: int, most: float) -> None:
    recovery = Recovery()
    live(recovery, (5, 0.1), (1, 0.9))
    assert recovery.most(recovery.returns_at + after_s) == most


def test_who_was_never_broken_has_no_stages() -> None:
    recovery = Recovery()
    assert recovery.most(live(recovery, (60, 0.5))) == 1

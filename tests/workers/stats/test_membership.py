"""Who decides, and when that cannot be believed."""

from tests.workers.stats.scripted import OTHER, SESSION_S, SetClock
from workers.stats.membership import SEAT, Membership


def member(*sources: tuple[str, int]) -> tuple[Membership, SetClock]:
    clock = SetClock()
    membership = Membership(SESSION_S, clock)
    membership.assigned(sources)
    return membership, clock


def test_owner_of_the_first_source_partition_decides() -> None:
    assert member(SEAT, OTHER)[0].decides()
    assert not member(OTHER)[0].decides()


def test_nobody_decides_between_two_assignments() -> None:
    membership, _ = member(SEAT)
    membership.revoked()
    assert not membership.decides()
    assert not membership.is_member


def test_process_that_was_frozen_does_not_decide_until_the_group_would_have_told_it() -> None:
    membership, clock = member(SEAT)
    clock.move(SESSION_S)
    assert not membership.decides()

    for _ in range(int(SESSION_S)):
        assert not membership.decides()
        clock.move(1)
        membership.beat()
    assert membership.decides()


def test_assignment_ends_the_doubt() -> None:
    membership, clock = member(SEAT)
    clock.move(SESSION_S)
    assert not membership.decides()
    membership.assigned([SEAT])
    assert membership.decides()


def test_process_that_runs_does_not_doubt() -> None:
    membership, clock = member(SEAT)
    for _ in range(60):
        clock.move(1)
        membership.beat()
    assert membership.decides()

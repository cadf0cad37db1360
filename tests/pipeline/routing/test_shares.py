"""Almost everything to the best provider."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.routing.shares import CANARY, MOST_OTHERS, Candidate, lead, limit, split

GOOD = Candidate(provider="good", usual=0.97, deviation=0.002, normal=0.99, effect=0.99, begins=1 / 2500, ends=1 / 400)
SAME = replace(GOOD, provider="same")
BETTER = replace(GOOD, provider="better", usual=0.99)
BROKEN = replace(GOOD, provider="broken", normal=0.01, effect=0.03)

candidates = st.lists(
    st.builds(
        Candidate,
        provider=st.uuids().map(str),
        usual=st.floats(0.05, 1.03),
        deviation=st.floats(0, 0.3),
        normal=st.floats(0, 1),
        effect=st.floats(0, 1),
        begins=st.floats(1e-5, 0.05),
        ends=st.floats(1e-5, 0.05),
        waits=st.booleans(),
        most=st.floats(0, 1),
        known=st.booleans(),
        canary=st.booleans(),
        spare=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    ("among", "current", "leader"),
    [
        ((GOOD, SAME), "same", "same"),  # as good is no reason to move
        ((GOOD, BETTER), "good", "better"),
        ((GOOD, replace(BETTER, deviation=0.05)), "good", "good"),  # it may be luck
        ((GOOD, replace(BETTER, known=False)), "good", "good"),
        ((GOOD, replace(BETTER, waits=True)), "good", "good"),
        ((GOOD, replace(BETTER, normal=0.85)), "good", "good"),  # it may be broken
        ((replace(BROKEN, provider="a"), GOOD), "a", "good"),
        ((replace(BROKEN, provider="a"), replace(GOOD, known=False)), "a", "good"),  # nobody else is there
        ((replace(GOOD, provider="a", normal=0.92, effect=0.92), SAME), "a", "a"),  # it may be noise
        ((replace(GOOD, provider="a", normal=0.5, effect=0.5), SAME), "a", "same"),
        ((GOOD, replace(BETTER, spare=True)), "good", "good"),
        ((GOOD, SAME), "gone", "good"),
    ],
)
def test_the_leader_changes_only_to_one_that_is_surely_well_and_better(
    among: tuple[Candidate, ...], current: str, leader: str
) -> None:
    assert lead(among, current).provider == leader


def test_a_broken_provider_gets_a_few_probes() -> None:
    shares = split([GOOD, BROKEN], GOOD, rate=20)
    assert 0 < shares["broken"] < 0.01


def test_what_may_be_better_is_explored_more_than_what_is_worse() -> None:
    worse = replace(GOOD, provider="worse", usual=0.93)
    shares = split([GOOD, SAME, worse], GOOD, rate=20)
    assert shares["same"] > 5 * shares["worse"]


def test_a_canary_gets_the_share_of_a_canary() -> None:
    assert split([GOOD, replace(BETTER, canary=True)], GOOD, rate=20)["better"] == pytest.approx(CANARY)


def test_a_waiting_provider_is_probed_and_not_explored() -> None:
    waiting = replace(SAME, waits=True)
    assert split([GOOD, waiting], GOOD, rate=20)["same"] < split([GOOD, SAME], GOOD, rate=20)["same"] / 2


def test_what_one_cannot_carry_goes_to_the_next_best() -> None:
    third = replace(GOOD, provider="third", usual=0.9)
    shares = limit({"good": 1.0, "same": 0.0, "third": 0.0}, [replace(GOOD, most=0.5), replace(SAME, most=0.3), third])
    assert shares == pytest.approx({"good": 0.5, "same": 0.3, "third": 0.2})


def test_what_nobody_can_carry_stays_with_the_best() -> None:
    shares = limit({"good": 1.0, "same": 0.0}, [replace(GOOD, most=0.5), replace(SAME, most=0.3)])
    assert shares == pytest.approx({"good": 0.7, "same": 0.3})


@given(candidates, st.floats(0, 5000))
def test_shares_are_a_whole_whatever_is_believed(among: list[Candidate], rate: float) -> None:
    shares = split(among, lead(among, None), rate)
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 + 1e-9 for share in shares.values())


@given(candidates, st.floats(0, 5000))
def test_the_others_together_never_get_more_than_their_limit(among: list[Candidate], rate: float) -> None:
    unlimited = [replace(one, most=1.0) for one in among]
    leader = lead(unlimited, None)
    assert 1 - split(unlimited, leader, rate)[leader.provider] <= MOST_OTHERS + 1e-9

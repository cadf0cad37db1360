"""Policies of the simulator, by the news they get."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulator.policies import POLICIES
from bench.simulator.policies.base import Heard, News, Policy
from bench.simulator.truth import Truth
from bench.simulator.worlds import World

TWO = World(what="two providers that never fail", providers=2, faults=None, seconds=400)
GB = "GB"


def ordered() -> tuple[Truth, str, str]:
    """Give a world of two providers, with the better one first."""
    truth = Truth(TWO, 1)
    better, worse = sorted(truth.providers, key=truth.base.__getitem__, reverse=True)
    return truth, better, worse


def live(policy: Policy, delivered: Mapping[str, float], seconds: range, rate: int = 20) -> None:
    """Let messages go both ways each second, and receipts of these shares of them come 7 s after."""
    for second in seconds:
        news: News = {
            **{(second, name, GB): Heard(accepted=rate) for name in delivered},
            **{(second - 7, name, GB): Heard(delivered=round(rate * share)) for name, share in delivered.items()},
        }
        policy.learn(second, news)


@pytest.mark.parametrize("name", POLICIES)
def test_shares_of_every_policy_add_up_to_everything_from_the_start(name: str) -> None:
    policy = POLICIES[name](Truth(TWO, 1))
    assert sum(policy.shares[GB].values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ["ewma", "last_125", "breaker"])
def test_learning_policy_leaves_a_provider_that_falls_silent(name: str) -> None:
    truth, better, worse = ordered()
    policy = POLICIES[name](truth)
    live(policy, {better: 1.0, worse: 0.9}, range(10, 80))
    assert policy.shares[GB][better] >= 0.95

    live(policy, {better: 0.0, worse: 0.9}, range(80, 150))
    assert policy.shares[GB][worse] >= 0.95


def test_ewma_leaves_it_long_before_a_deadline_has_passed() -> None:
    truth, better, worse = ordered()
    policy = POLICIES["ewma"](truth)
    live(policy, {better: 1.0, worse: 0.9}, range(10, 80))
    live(policy, {better: 0.0, worse: 0.9}, range(80, 100))
    assert policy.shares[GB][worse] >= 0.95


def test_breaker_tries_again_with_little_and_returns_when_that_arrives() -> None:
    truth, better, worse = ordered()
    policy = POLICIES["breaker"](truth)
    live(policy, {better: 0.0, worse: 1.0}, range(10, 71))
    assert policy.shares[GB][better] == 0

    live(policy, {worse: 1.0}, range(71, 161))  # the silent ones from before come of age until 130
    assert policy.shares[GB][better] == pytest.approx(0.05)

    live(policy, {better: 1.0, worse: 1.0}, range(161, 180))
    assert policy.shares[GB][better] == 1


def test_static_policy_never_moves() -> None:
    truth, better, worse = ordered()
    policy = POLICIES["static"](truth)
    live(policy, {better: 0.0, worse: 1.0}, range(10, 200))
    assert policy.shares[GB] == {better: 0.5, worse: 0.5}


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=80), st.sampled_from([*POLICIES])
)
def test_shares_stay_shares_whatever_is_heard(delivered: list[tuple[int, int]], name: str) -> None:
    truth, better, worse = ordered()
    policy = POLICIES[name](truth)
    for second, (good, bad) in enumerate(delivered, start=10):
        live(policy, {better: good / 20, worse: bad / 20}, range(second, second + 1))
        shares = policy.shares[GB].values()
        assert sum(shares) == pytest.approx(1, abs=1e-6)
        assert min(shares) >= 0

"""Worlds, messages and their fates, second sends, and what is measured."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import pytest

from bench.simulator.cell import Outcome, one_seed, outcomes
from bench.simulator.fate import NEVER, fate
from bench.simulator.meter import Meter
from bench.simulator.policies import POLICIES
from bench.simulator.policies.base import News, Policy, Shares
from bench.simulator.rescue import BUDGET, Looks, Sent
from bench.simulator.summary import lines, summary
from bench.simulator.traffic import Luck, Message, Traffic
from bench.simulator.truth import Fault, Truth
from bench.simulator.worlds import (
    BROWN_OUT,
    FAKE,
    REFUSING,
    REPORTING,
    SILENT,
    WORKING,
    WORLDS,
    Kind,
    Receipts,
    World,
    world,
)
from pipeline.dispatch.limits import BUDGET_START

LUCK = Luck(point=0.5, fate=0.5, told=0.1, receipt_s=7, entry_s=12)
SHORT = world("standard", rate=2.0, minutes=10)


class Scripted(Policy):
    """Gives what a test says."""

    def __init__(self, shares: Shares, *, distrusted: bool = False) -> None:
        self.shares = {"GB": shares}
        self._distrusted = distrusted

    def learn(self, second: int, news: News) -> None:
        pass

    def distrusts(self, provider: str, country: str) -> bool:  # noqa: ARG002
        return self._distrusted


def sent(*, probe: bool = False, receipt_at: int = NEVER, failed_at: int = NEVER) -> Sent:
    found = fate(LUCK, 0.9, SILENT, Receipts(), 0)
    return Sent(Message("GB", LUCK, LUCK), "a", 0, probe, found._replace(receipt_at=receipt_at, failed_at=failed_at))


def sent_again_at(looks: Looks, one: Sent) -> int | None:
    looks.expect(one)
    return next((second for second in range(40) if looks.due(second)), None)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_the_same_for_the_same_seed(name: str) -> None:
    one, two = (Truth(world(name, minutes=30), seed=3) for _ in range(2))
    assert (one.faults, one.base, one.calm) == (two.faults, two.base, two.calm)
    assert Traffic(WORLDS[name], 3).at(0) == Traffic(WORLDS[name], 3).at(0)


def test_each_provider_of_the_standard_world_is_broken_for_a_seventh_of_the_time() -> None:
    truths = [Truth(WORLDS["standard"], seed) for seed in range(40)]
    broken = fmean(
        truth.odds(second)[provider, "GB"][1] is not WORKING
        for truth in truths
        for provider in truth.providers
        for second in range(0, 5400, 30)
    )
    assert 0.12 < broken < 0.17  # 210 s of 210 s and 1,200 s


def test_faults_last_from_one_to_six_minutes_and_half_are_silent() -> None:
    faults = [fault for seed in range(40) for fault in Truth(WORLDS["standard"], seed).faults]
    assert all(60 <= fault.end - fault.start <= 360 for fault in faults)
    assert 0.4 < fmean(fault.kind is SILENT for fault in faults) < 0.6


def test_flapping_fault_is_bad_for_30_seconds_at_a_time() -> None:
    faults = Truth(WORLDS["flapping"], 1).faults
    assert faults
    assert all(fault.end - fault.start <= 30 for fault in faults)


def test_half_of_the_faults_of_many_countries_are_of_one_of_them() -> None:
    cells = [len(fault.countries) for seed in range(40) for fault in Truth(WORLDS["countries"], seed).faults]
    assert set(cells) == {1, 10}
    assert 0.4 < sum(count for count in cells if count == 1) / sum(cells) < 0.6


def test_drift_stays_within_5_points_of_the_base() -> None:
    truth = Truth(WORLDS["drift"], 1)
    swings = [truth.usual("carrier-a", second) - truth.base["carrier-a"] for second in range(7200)]
    assert max(map(abs, swings)) <= 0.05
    assert max(swings) - min(swings) > 0.07


def test_as_many_messages_come_as_the_rate_says() -> None:
    traffic = Traffic(WORLDS["standard"], 1)
    assert fmean(len(traffic.at(second)) for second in range(600)) == pytest.approx(20, abs=1)


def test_receipts_take_as_long_as_routing_expects() -> None:
    traffic = Traffic(world("standard", rate=200), 1)
    waits = sorted(message.luck.receipt_s for second in range(20) for message in traffic.at(second))
    assert waits[0] >= 2
    assert waits[len(waits) // 2] == pytest.approx(7, abs=1)


def test_fraud_comes_in_waves_that_nobody_enters() -> None:
    traffic = Traffic(WORLDS["fraud"], 1)
    counts = [sum(message.country == "GB" for message in traffic.at(second)) for second in range(5400)]
    assert max(counts) > 60


@pytest.mark.parametrize(
    ("kind", "luck", "delivered", "receipt", "failed"),
    [
        (WORKING, {"fate": 0.1, "told": 0.1}, True, True, False),
        (WORKING, {"fate": 0.1, "told": 0.98}, True, False, False),  # 3 % of the successes are never reported
        (WORKING, {"fate": 0.95, "told": 0.1}, False, False, True),
        (WORKING, {"fate": 0.95, "told": 0.6}, False, False, False),  # nor are half of the failures
        (SILENT, {"fate": 0.01, "told": 0.1}, True, True, False),
        (SILENT, {"fate": 0.5, "told": 0.1}, False, False, False),
        (BROWN_OUT, {"fate": 0.5, "told": 0.1}, True, True, False),
        (BROWN_OUT, {"fate": 0.7, "told": 0.1}, False, False, True),
        (REPORTING, {"fate": 0.5, "told": 0.1}, False, False, True),
        (FAKE, {"fate": 0.5, "told": 0.1}, False, True, False),
    ],
)
def test_fate_of_a_message(
    kind: Kind,
    luck: Mapping[str, float],
    delivered: bool,  # noqa: FBT001
    receipt: bool,  # noqa: FBT001
    failed: bool,  # noqa: FBT001
) -> None:
    found = fate(LUCK._replace(**luck), 0.9, kind, Receipts(), 100)  # type: ignore[arg-type]
    assert found.delivered is delivered
    assert found.receipt_at == (107 if receipt else NEVER)
    assert found.failed_at == (107 if failed else NEVER)
    assert found.entered_at == (112 if delivered else NEVER)


def test_refused_message_goes_to_another_provider_after_2_seconds() -> None:
    one = replace(sent(), fate=fate(LUCK, 0.9, REFUSING, Receipts(), 0))
    assert sent_again_at(Looks(Scripted({})), one) == 2


@pytest.mark.parametrize(
    ("one", "distrusted", "at"),
    [
        (sent(), False, 30),
        (sent(receipt_at=30), False, None),
        (sent(receipt_at=9), True, None),
        (sent(failed_at=7), False, 10),
        (sent(failed_at=12), False, 30),
        (sent(), True, 10),
        (sent(probe=True), True, 2),
        (sent(probe=True), False, 30),
        (sent(probe=True, failed_at=3), False, 4),
    ],
)
def test_message_is_sent_again(one: Sent, distrusted: bool, at: int | None) -> None:  # noqa: FBT001
    assert sent_again_at(Looks(Scripted({}, distrusted=distrusted)), one) == at


@pytest.mark.parametrize(("distrusted", "most"), [(False, BUDGET_START + 100 * BUDGET), (True, 100)])
def test_second_sends_have_a_budget_unless_the_provider_is_known_to_be_broken(
    distrusted: bool,  # noqa: FBT001
    most: float,
) -> None:
    looks = Looks(Scripted({}, distrusted=distrusted))
    for _ in range(100):
        looks.expect(sent())
    assert sum(len(looks.due(second)) for second in range(40)) == pytest.approx(most, abs=1)


def metered(course: Mapping[int, float]) -> Meter:
    """Measure the shares of carrier-a from each second on; it leads by 2 points, and is broken from 100 to 200."""
    truth = Truth(World(what="", providers=2, seconds=400, faults=None), 1)
    fault = Fault(providers=("carrier-a",), countries=("GB",), start=100, end=200, kind=SILENT)
    truth.faults = [fault]
    truth.calm = [60 <= second < 100 or second >= 260 for second in range(400)]
    meter = Meter(truth)
    share = 0.0
    for second in range(400):
        share = course.get(second, share)
        kind = SILENT if fault.start <= second < fault.end else WORKING
        odds = {("carrier-a", "GB"): (0.96, kind), ("carrier-b", "GB"): (0.94, WORKING)}
        meter.note(second, {"GB": {"carrier-a": share, "carrier-b": 1 - share}}, odds)
    return meter


def test_lost_are_the_expected_deliveries_against_the_best_provider_of_each_second() -> None:
    meter = metered({0: 1.0})
    assert meter.lost == pytest.approx(100 * (0.94 - 0.96 * 0.02))
    assert metered({0: 0.0}).lost == pytest.approx(300 * 0.02)
    assert metered({0: 0.0}).lost_calm == pytest.approx(180 * 0.02)


def test_fault_is_detected_when_half_of_the_share_has_gone_and_drained_under_a_fifth() -> None:
    meter = metered({0: 1.0, 104: 0.4, 110: 0.1})
    assert (meter.sharp.detected, meter.sharp.drained, meter.sharp.missed) == ([4], [10], 0)


def test_fault_that_is_never_detected_counts_as_its_length() -> None:
    meter = metered({0: 1.0})
    assert (meter.sharp.detected, meter.sharp.drained, meter.sharp.missed) == ([100], [100], 1)


def test_fault_of_a_provider_that_does_not_lead_is_not_watched() -> None:
    assert metered({0: 0.3}).sharp.detected == []


def test_moves_count_while_it_is_calm_and_when_they_add_up_to_5_points() -> None:
    assert metered({0: 1.0, 70: 0.9, 110: 0.1, 230: 1.0}).moves == 1
    assert metered({0: 1.0, 70: 0.97, 80: 0.94, 90: 0.92}).moves == 1


def test_reversal_is_a_leader_that_is_back_within_a_minute() -> None:
    assert metered({0: 1.0, 300: 0.0, 350: 1.0}).reversals == 1
    assert metered({0: 1.0, 300: 0.0, 370: 1.0}).reversals == 0


@pytest.fixture(scope="module")
def seed_1() -> dict[str, Outcome]:
    return one_seed(SHORT, 1, tuple(POLICIES))


def test_oracle_loses_nothing_and_everybody_else_does(seed_1: dict[str, Outcome]) -> None:
    assert seed_1["oracle"].lost_per_1000 == pytest.approx(0, abs=1e-5)
    assert all(outcome.lost_per_1000 > 0.01 for name, outcome in seed_1.items() if name != "oracle")


def test_second_sends_bring_codes_that_the_first_one_lost(seed_1: dict[str, Outcome]) -> None:
    static = seed_1["static"]
    assert static.sent_again_per_1000 > 0
    assert static.undelivered_per_1000 < 70 + static.lost_per_1000


@pytest.mark.processes
def test_seed_gives_the_same_in_another_process_and_beside_other_policies(seed_1: dict[str, Outcome]) -> None:
    (found,) = outcomes(SHORT, [1], ["ewma", "ithaca"])
    assert found == {"ewma": seed_1["ewma"], "ithaca": seed_1["ithaca"]}


def test_figures_are_means_over_seeds_with_their_standard_errors(seed_1: dict[str, Outcome]) -> None:
    other = replace(seed_1["static"], lost_per_1000=seed_1["static"].lost_per_1000 + 2)
    figures = summary([{"static": seed_1["static"]}, {"static": other}])["static"]
    assert figures["lost_per_1000"] == pytest.approx(seed_1["static"].lost_per_1000 + 1, abs=0.001)
    assert figures["lost_per_1000_error"] == 1.0


def test_targets_stand_beside_our_figures_only(seed_1: dict[str, Outcome]) -> None:
    by_policy = summary([seed_1])
    assert len(list(lines(by_policy, "standard", 20.0))) == 5
    assert list(lines({"static": by_policy["static"]}, "standard", 20.0)) == []

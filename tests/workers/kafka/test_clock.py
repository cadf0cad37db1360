import random
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.kafka import BrokerClock


class Clocks:
    """The clocks around a process: monotonic, its own wall clock, and the broker's."""

    def __init__(self, wall_ahead_s: float = 0.0) -> None:
        self.monotonic_s = 1000.0
        self.wall_ahead_s = wall_ahead_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def wall(self) -> float:
        return self.broker() + self.wall_ahead_s

    def broker(self) -> float:
        return 1_800_000_000.0 + self.monotonic_s

    def round_trip(self, clock: BrokerClock, there_s: float, back_s: float) -> None:
        sent_at = self.monotonic_s
        self.monotonic_s += there_s
        stamp_ms = int(self.broker() * 1000)
        self.monotonic_s += back_s
        clock.observe(sent_at, self.monotonic_s, stamp_ms)


def test_before_the_first_acknowledgement_it_is_the_local_clock() -> None:
    clocks = Clocks(wall_ahead_s=120.0)
    clock = BrokerClock(clocks.monotonic, clocks.wall)

    assert abs(clock.epoch_s() - clocks.wall()) < 0.001
    assert clock.error_s == float("inf")


def test_one_acknowledgement_mends_a_wrong_local_clock() -> None:
    clocks = Clocks(wall_ahead_s=-3600.0)
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    clocks.round_trip(clock, 0.002, 0.002)

    assert abs(clock.epoch_s() - clocks.broker()) < 0.003
    assert clock.now().tzinfo is UTC
    assert abs(clock.epoch_ms() - clocks.broker() * 1000) < 3


def test_a_step_of_the_local_clock_changes_nothing() -> None:
    clocks = Clocks()
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    clocks.round_trip(clock, 0.002, 0.002)
    clocks.wall_ahead_s = -3600.0

    assert abs(clock.epoch_s() - clocks.broker()) < 0.003


def test_the_shortest_round_trip_wins() -> None:
    clocks = Clocks()
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    clocks.round_trip(clock, 0.001, 0.001)
    clocks.round_trip(clock, 0.9, 0.001)

    assert abs(clock.epoch_s() - clocks.broker()) < 0.003


def test_an_old_sample_gives_way_to_one_that_is_better_than_what_drift_has_made_of_it() -> None:
    clocks = Clocks()
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    clocks.round_trip(clock, 0.001, 0.001)
    clocks.monotonic_s += 60.0
    clocks.round_trip(clock, 0.010, 0.010)
    assert clock.error_s < 0.002

    clocks.monotonic_s += 60.0
    clocks.round_trip(clock, 0.010, 0.010)
    assert clock.error_s > 0.009


def test_a_record_that_was_read_sets_a_clock_that_is_behind() -> None:
    clocks = Clocks()
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    stamp_ms = clock.epoch_ms() + 120_000

    clock.witness(stamp_ms)
    clock.witness(stamp_ms - 60_000)

    assert clock.epoch_ms() == pytest.approx(stamp_ms, abs=2)


@given(st.integers(0, 2**32), st.floats(-7200, 7200))
def test_the_error_is_at_most_half_the_round_trip(seed: int, wall_ahead_s: float) -> None:
    chance, clocks = random.Random(seed), Clocks(wall_ahead_s)
    clock = BrokerClock(clocks.monotonic, clocks.wall)
    for _ in range(10):
        clocks.monotonic_s += chance.uniform(0, 10)
        clocks.round_trip(clock, chance.expovariate(100), chance.expovariate(100))

        assert abs(clock.epoch_s() - clocks.broker()) <= clock.error_s + 0.001

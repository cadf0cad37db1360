from collections.abc import Sequence

from pipeline.consuming.flood import Flood, FloodLimits

LIMITS = FloodLimits(window_s=60.0, failures=20, others=5)


def flood_of(sources: Sequence[str | None], step_s: float = 0.1) -> bool:
    flood = Flood(LIMITS)
    return [flood.failed(step_s * index, source) for index, source in enumerate(sources)][-1]


def test_failures_of_two_callers_are_a_flood() -> None:
    assert flood_of(["shop", "bank"] * 10)


def test_one_failure_less_is_no_flood() -> None:
    assert not flood_of((["shop", "bank"] * 10)[:-1])


def test_one_callers_bad_records_are_no_flood() -> None:
    assert not flood_of(["shop"] * 1000)


def test_one_caller_and_a_stray_are_no_flood() -> None:
    assert not flood_of(["shop"] * 1000 + ["bank"] * 4)


def test_failures_of_unknown_source_say_nothing() -> None:
    assert not flood_of([None] * 1000)
    assert not flood_of([None, "shop"] * 1000)


def test_failures_far_apart_are_no_flood() -> None:
    assert not flood_of(["shop", "bank"] * 100, step_s=4.0)


def test_after_clearing_counting_starts_anew() -> None:
    flood = Flood(LIMITS)
    for index in range(30):
        flood.failed(0.1 * index, ("shop", "bank")[index % 2])
    flood.clear()

    assert not flood.failed(4.0, "shop")

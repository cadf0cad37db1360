"""All seeds together: means with their standard errors, as JSON and as lines beside their targets."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Any, Final

from bench.line import Line, at_most
from bench.simulator.cell import Outcome
from pipeline.reports.figures import percentile

MEANS: Final = (
    "lost_per_1000",
    "calm_lost_per_1000",
    "moves_per_calm_hour",
    "undelivered_per_1000",
    "reversals_per_hour",
    "sent_again_per_1000",
)
OURS: Final = "ithaca"
SLOW_RATE: Final = 2.0  # at this rate and below other targets hold

Figures = Mapping[str, float | int | None]


def summary(found: Sequence[Mapping[str, Outcome]]) -> dict[str, Figures]:
    """Give the figures of every policy."""
    return {name: _of_policy([seed[name] for seed in found]) for name in found[0]}


def lines(policies: Mapping[str, Figures], world: str, rate: float) -> Iterator[Line]:
    """Give the figures that have a target, by the worlds that they were set for."""
    ours = policies.get(OURS)
    if ours is None:
        return
    for share, other in _ratios(world, rate):
        if other in policies:
            most = _number(policies[other]["lost_per_1000"]) * share
            yield at_most(ours["lost_per_1000"], round(most, 2), f"lost per 1,000; {share:g} x {other}")
    if world == "standard" and rate > SLOW_RATE:
        yield at_most(ours["detect_p50_s"], 4, "time to detect a sharp fault of the leader, p50", " s")
        yield at_most(ours["undelivered_per_1000"], 10, "undelivered per 1,000, with second sends")
    if world == "calm" and "last_125" in policies:
        most = _number(policies["last_125"]["calm_lost_per_1000"]) * 0.15
        yield at_most(ours["calm_lost_per_1000"], round(most, 2), "lost per 1,000 while calm; 0.15 x last_125")
    if world in {"calm", "standard"}:
        most = 1.0 if rate <= SLOW_RATE else 0.5
        yield at_most(ours["moves_per_calm_hour"], most, "moves of more than 5 points in a calm hour")


def _ratios(world: str, rate: float) -> tuple[tuple[float, str], ...]:
    if world == "standard":
        return ((0.3, "last_125"),) if rate <= SLOW_RATE else ((0.15, "last_125"), (0.1, "breaker"))
    if world == "fake-receipts":
        return tuple((0.1, name) for name in ("breaker", "last_125", "ewma", "static", "notify"))
    return ()


def _of_policy(seeds: Sequence[Outcome]) -> Figures:
    figures: dict[str, float | int | None] = {}
    for name in MEANS:
        figures[name], figures[f"{name}_error"] = _mean([getattr(seed, name) for seed in seeds])
    for name, waits in (("detect", [seed.sharp for seed in seeds]), ("brown", [seed.brown for seed in seeds])):
        detected = [wait for one in waits for wait in one.detected]
        figures[f"{name}_p50_s"], figures[f"{name}_p95_s"] = percentile(detected, 0.5), percentile(detected, 0.95)
        figures[f"{name}_faults"], figures[f"{name}_missed"] = len(detected), sum(one.missed for one in waits)
    drained = [wait for seed in seeds for wait in seed.sharp.drained]
    figures["drain_p50_s"], figures["drain_p95_s"] = percentile(drained, 0.5), percentile(drained, 0.95)
    return figures


def _mean(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Give the mean over seeds and its standard error; none where there is nothing to tell from."""
    known = [value for value in values if value is not None]
    if not known:
        return None, None
    error = stdev(known) / sqrt(len(known)) if len(known) > 1 else None
    return round(fmean(known), 3) + 0.0, None if error is None else round(error, 3)


def _number(value: Any) -> float:
    return float(value or 0.0)

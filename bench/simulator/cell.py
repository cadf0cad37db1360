"""One world, many seeds: every policy sees the same messages."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from bench.simulator.meter import Meter, Waits
from bench.simulator.policies import POLICIES
from bench.simulator.policies.base import Shares
from bench.simulator.run import Run
from bench.simulator.traffic import Traffic
from bench.simulator.truth import Truth
from bench.simulator.worlds import HOUR_S, World

PER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one policy reached with one seed."""

    lost_per_1000: float
    calm_lost_per_1000: float | None  # none: it was never calm
    moves_per_calm_hour: float | None
    reversals_per_hour: float
    undelivered_per_1000: float
    sent_again_per_1000: float
    sharp: Waits
    brown: Waits


def outcomes(world: World, seeds: Sequence[int], policies: Sequence[str]) -> Iterator[dict[str, Outcome]]:
    """Give what every policy reached, seed by seed as they are done, on all cores."""
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(one_seed, world, seed, tuple(policies)) for seed in seeds]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def one_seed(world: World, seed: int, policies: Sequence[str]) -> dict[str, Outcome]:
    """Run all policies side by side through the same messages."""
    truth, traffic = Truth(world, seed), Traffic(world, seed)
    runs = {name: (Run(world, POLICIES[name](truth)), Meter(truth)) for name in policies}
    for second in range(world.seconds):
        odds, messages = truth.odds(second), traffic.at(second)
        for run, meter in runs.values():
            meter.note(second, run.policy.shares, odds)
            run.step(second, messages, odds)
    return {name: _outcome(world, truth, run, meter) for name, (run, meter) in runs.items()}


def course(world: World, seed: int, policy: str) -> tuple[Truth, list[Shares]]:
    """Give the shares of the first country, second by second, and the truth beside them."""
    truth, traffic = Truth(world, seed), Traffic(world, seed)
    run = Run(world, POLICIES[policy](truth))
    shares = []
    for second in range(world.seconds):
        shares.append(run.policy.shares[world.countries[0]])
        run.step(second, traffic.at(second), truth.odds(second))
    return truth, shares


def _outcome(world: World, truth: Truth, run: Run, meter: Meter) -> Outcome:
    places = len(world.countries)
    calm = sum(truth.calm)
    return Outcome(
        lost_per_1000=PER * meter.lost / (world.seconds * places),
        calm_lost_per_1000=PER * meter.lost_calm / (calm * places) if calm else None,
        moves_per_calm_hour=HOUR_S * meter.moves / (calm * places) if calm else None,
        reversals_per_hour=HOUR_S * meter.reversals / (world.seconds * places),
        undelivered_per_1000=PER * run.undelivered / max(run.requested, 1),
        sent_again_per_1000=PER * run.sent_again / max(run.requested, 1),
        sharp=meter.sharp,
        brown=meter.brown,
    )

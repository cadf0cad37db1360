"""What providers really do in one run: which is known to the simulator and to the oracle alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sin
from random import Random
from typing import Final

from bench.simulator.worlds import WORKING, Faults, Kind, World

AFTERMATH_S: Final = 60  # after a fault, and after the start, it is not calm yet
HIGHEST: Final = 0.995  # what drifts delivers no more
SWING_S: Final = 7200  # there and back

Cell = tuple[str, str]  # provider and country
Odds = dict[Cell, tuple[float, Kind]]  # what it usually delivers, and what it does now


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, or one bad phase of a flapping one."""

    providers: tuple[str, ...]
    countries: tuple[str, ...]
    start: int  # seconds since the start of the run
    end: int
    kind: Kind


class Truth:
    """One world with the luck of one seed."""

    def __init__(self, world: World, seed: int) -> None:
        luck = Random(f"truth {seed}")
        self.providers = tuple(f"carrier-{letter}" for letter in "abcdefghijklmnop"[: world.providers])
        self.countries = world.countries
        order = list(world.base)
        luck.shuffle(order)
        self.base = dict(zip(self.providers, order, strict=True))
        self._drift = world.drift
        self._phases = {provider: luck.random() for provider in self.providers}
        self.faults = sorted(self._faults(world, luck), key=lambda fault: fault.start)
        self._kinds = self._over_time(world.seconds)
        self.calm = self._calm(world.seconds)

    def usual(self, provider: str, second: int) -> float:
        """Give the share that a provider delivers at this second when it works."""
        if not self._drift:
            return self.base[provider]
        swing = sin(2 * pi * (second / SWING_S + self._phases[provider]))
        return min(self.base[provider] + self._drift * swing, HIGHEST)

    def odds(self, second: int) -> Odds:
        """Give what every provider does in every country."""
        usual = {provider: self.usual(provider, second) for provider in self.providers}
        return {cell: (usual[cell[0]], kinds[second]) for cell, kinds in self._kinds.items()}

    def _over_time(self, seconds: int) -> dict[Cell, list[Kind]]:
        kinds = {(provider, country): [WORKING] * seconds for provider in self.providers for country in self.countries}
        for fault in self.faults:
            for cell in [(provider, country) for provider in fault.providers for country in fault.countries]:
                for second in range(fault.start, min(fault.end, seconds)):
                    kinds[cell][second] = min(kinds[cell][second], fault.kind, key=lambda kind: kind.delivers)
        return kinds

    def _calm(self, seconds: int) -> list[bool]:
        calm = [second >= AFTERMATH_S for second in range(seconds)]
        for fault in self.faults:
            for second in range(fault.start, min(fault.end + AFTERMATH_S, seconds)):
                calm[second] = False
        return calm

    def _faults(self, world: World, luck: Random) -> Iterator[Fault]:
        faults = world.faults
        if faults is None:
            return
        if faults.together:
            yield from _episodes(faults, faults.every_s, (self.providers, self.countries), world.seconds, luck)
            return
        alone = 1 - faults.wide if len(self.countries) > 1 else 0.0
        for provider in self.providers:
            if alone < 1:
                where = ((provider,), self.countries)
                yield from _episodes(faults, faults.every_s / (1 - alone), where, world.seconds, luck)
            if alone > 0:
                for country in self.countries:
                    where = ((provider,), (country,))
                    yield from _episodes(faults, faults.every_s / alone, where, world.seconds, luck)


def delivered_share(odds: tuple[float, Kind]) -> float:
    """Give the share that really arrives."""
    return odds[0] * odds[1].delivers


def _episodes(
    faults: Faults, every_s: float, where: tuple[tuple[str, ...], tuple[str, ...]], seconds: int, luck: Random
) -> Iterator[Fault]:
    """Give the faults of one provider, or of all together, one after the other."""
    at = luck.expovariate(1 / every_s)
    while at < seconds:
        start, kind = round(at), luck.choice(faults.kinds)
        end = start + luck.randint(faults.shortest_s, faults.longest_s)
        step = faults.flap_s or end - start
        for phase in range(start, end, 2 * step):
            providers, countries = where
            yield Fault(providers=providers, countries=countries, start=phase, end=min(phase + step, end), kind=kind)
        at = end + luck.expovariate(1 / every_s)

"""The messages of each second, with all their luck: the same for every policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import NamedTuple

from bench.simulator.worlds import People, Receipts, World
from pipeline.evidence.delays import FLOOR_S, SIGMA


class Luck(NamedTuple):
    """What decides over one hand-over of a message."""

    point: float  # for the choice of the provider
    fate: float  # delivered, when it is below the share that arrives
    told: float  # reported, when it is below the share that is
    receipt_s: int  # whole seconds from the send second to its receipt
    entry_s: int | None  # to the code's entry; none: it is not entered, or nobody tells


@dataclass(slots=True)
class Message:
    """A code that was asked for."""

    country: str
    luck: Luck
    again: Luck  # of its second hand-over


class Traffic:
    """Gives the messages of one second after the other."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._luck = Random(f"traffic {seed}")
        self._waves = list(_waves(world, Random(f"waves {seed}")))

    def at(self, second: int) -> list[Message]:
        """Give the messages of the next second."""
        world = self._world
        messages = [
            self._message(country, world.people)
            for country in world.countries
            for _ in range(self._poisson(world.rate))
        ]
        if world.wave and any(start <= second < start + world.wave.length_s for start in self._waves):
            more = self._poisson(world.rate * world.wave.factor)
            messages += [self._message(world.countries[0], _NOBODY) for _ in range(more)]
        return messages

    def _message(self, country: str, people: People) -> Message:
        receipts = self._world.receipts
        return Message(country, _luck(self._luck, receipts, people), _luck(self._luck, receipts, people))

    def _poisson(self, mean: float) -> int:
        """Count arrivals within one second, by the gaps between them."""
        count, at = 0, self._luck.expovariate(mean)
        while at < 1:
            count += 1
            at += self._luck.expovariate(mean)
        return count


_NOBODY = People(entering=0.0)


def _luck(luck: Random, receipts: Receipts, people: People) -> Luck:
    uniform = luck.random
    within = uniform()  # the place of the send in its second
    receipt_s = FLOOR_S + exp(log(receipts.median_s) + SIGMA * luck.gauss(0.0, 1.0))
    entry_s = int(within + 5 + 15 * uniform())
    enters = uniform() < people.entering and people.reported
    return Luck(uniform(), uniform(), uniform(), int(within + receipt_s), entry_s if enters else None)


def _waves(world: World, luck: Random) -> Iterator[int]:
    if world.wave is None:
        return
    at = luck.expovariate(1 / world.wave.every_s)
    while at < world.seconds:
        yield round(at)
        at += world.wave.length_s + luck.expovariate(1 / world.wave.every_s)

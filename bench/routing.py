"""What the router costs: one second of all providers in all countries.

The busiest provider of each country leads with nearly all of its traffic, the others are probed, as in operation.
"""

import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.ground import Surroundings, machine
from bench.line import Line, at_most, plain
from pipeline.evidence.delays import FLOOR_S, MEDIAN_S, SIGMA
from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts
from pipeline.routing import Router

LIMIT_US: Final = 200.0  # of one cell and second
START: Final = 1_800_000_000
MICRO: Final = 1e6
REPORTED: Final = 0.93  # of the messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    providers: int = 8
    countries: int = 25
    rate: float = 10.0  # messages a second in each country
    warm_s: int = 90
    seconds: int = 30


QUICK: Final = Size(providers=3, countries=2, warm_s=61, seconds=2)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Let the router decide second by second."""
    traffic = _Traffic(size)
    router = Router({country: dict.fromkeys(traffic.providers, 1.0) for country in traffic.countries})
    cells = size.providers * size.countries
    costs = []
    for second in range(size.warm_s + size.seconds):
        if second % 10 == 0:
            around.tell(f"second {second} of {size.warm_s + size.seconds}, {cells} cells")
        traffic.live(second, router)
        began = time.process_time()
        router.decide(traffic.evidence, START + second)
        costs.append((time.process_time() - began) * MICRO / cells)
    measured = costs[size.warm_s :]
    return {
        "cells": cells,
        "us_per_cell_and_second": round(sum(measured) / len(measured), 1),
        "slowest_second_us": round(max(measured), 1),
        "core_share_of_1600_cells": round(1600 * sum(measured) / len(measured) / MICRO, 3),
        **machine(),
    }


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    cost = found["us_per_cell_and_second"]
    yield at_most(cost, LIMIT_US, f"one decision, per cell and second, of {found['cells']} cells", " us")
    yield plain(f"{found['core_share_of_1600_cells']:.0%}", "of a core for 8 providers in 200 countries")


class _Traffic:
    """Providers that all deliver, and receipts that come as carriers send them."""

    def __init__(self, size: Size) -> None:
        self.providers = [f"carrier-{number}" for number in range(size.providers)]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        self.countries = [letters[n // 26] + letters[n % 26] for n in range(size.countries)]
        self.evidence = Evidence()
        self._rate = size.rate
        self._luck = random.Random(1)
        self._coming: defaultdict[int, list[Cell]] = defaultdict(list)

    def live(self, second: int, router: Router) -> None:
        """Send the messages of a second by the router's tables, and bring the receipts that come in it."""
        now = START + second
        for cell in self._coming.pop(second, ()):
            self.evidence.add(cell, now)
        for country in self.countries:
            table = router.tables.get(country)
            shares = [route.share for route in table.routes] if table else [1.0] * len(self.providers)
            names = [route.provider for route in table.routes] if table else self.providers
            for provider in self._luck.choices(names, shares, k=round(self._rate)):
                counts = Counts(accepted=1, first=1, creditable=1)
                self.evidence.add(Cell(now, provider, country, "v", counts), now)
                self._report(second, provider, country)

    def _report(self, second: int, provider: str, country: str) -> None:
        if self._luck.random() < REPORTED:
            rest_s = math.exp(math.log(MEDIAN_S) + SIGMA * self._luck.gauss(0, 1))
            at = second + int(FLOOR_S + rest_s + self._luck.random())
            self._coming[at].append(Cell(START + second, provider, country, "v", Counts(delivered=1)))

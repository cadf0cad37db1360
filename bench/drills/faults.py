"""The faults of a drill, ordered at the carriers of a running system."""

import time
from collections.abc import Collection

from bench.drills.drills import Orders, Step, Where
from workers.embedded.system import System


class Faults:
    """Orders and clears faults, and remembers when and where. Epoch seconds."""

    def __init__(self, system: System, carriers: Collection[str]) -> None:
        self._system = system
        self._all = frozenset(carriers)
        self.led: str | None = None  # the carrier that led when the first fault came
        self.now: frozenset[str] = frozenset()  # the carriers that have faults
        self.ever: frozenset[str] = frozenset()  # those that have or had some
        self.changes: list[tuple[float, Orders | None]] = []  # when each step was ordered, and what it orders

    async def order(self, step: Step, leader: str) -> None:
        """Order the faults of a step. Raises ClientError when a carrier does not take them."""
        self.led = self.led or leader
        carriers = self._all if step.where is Where.ALL else frozenset({self.led})
        ordered_at = time.time()  # before the answer: what comes in between meets the fault
        for carrier in sorted(carriers):
            await self._system.order_faults(carrier, step.orders)
        self.changes.append((ordered_at, step.orders))
        self.now = self.now - carriers if step.orders is None else self.now | carriers
        self.ever |= self.now

"""SIGSTOP, then SIGCONT: a dispatcher that wakes up sends nothing that another one has taken over."""

import asyncio
import signal
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.faults.drill import QUICK_RECEIPTS, Drill, People, broken, doubled_across, drill, log, recovery_s

RATE = 40
BEHAVIOUR = {**QUICK_RECEIPTS, "latency_median_s": 0.25}
# The freeze outlasts session and lease, as 20 s do with the usual settings.
SHORT = {
    "ITHACA_KAFKA__SESSION_TIMEOUT_S": "2",
    "ITHACA_DISPATCH__LEASE_S": "5.5",
    "ITHACA_DISPATCH__SEND_TIMEOUT_S": "2",
}
WITHIN_S = 30.0


async def _freeze(it: Drill, people: People, name: str, freeze_s: float) -> tuple[float, int]:
    """Freeze a busy dispatcher; give when, and how many records it had in hand at most."""
    in_flight = await it.caught_busy(name, people)
    it.supervisor.kill(name, signal.SIGSTOP)
    frozen_at = time.time()
    await asyncio.sleep(freeze_s)  # the fault itself
    it.supervisor.kill(name, signal.SIGCONT)
    return frozen_at, in_flight


def _accepts(it: Drill, count: int) -> bool:
    return it.accepted() >= count


async def _run(
    tmp_path: Path, jars: Path, victims: tuple[str, ...], *, freeze_s: float, settings: Mapping[str, str]
) -> None:
    freezes = []
    seconds = (freeze_s + 6) * len(victims) + 2
    async with drill(tmp_path, jars, behaviour=BEHAVIOUR, settings=settings) as it:
        people = it.people(rate=RATE, seconds=seconds, enter_after_s=(freeze_s - 1, freeze_s + 1))
        async with it.asking(people, settle_s=60):
            await it.until(lambda: it.accepted() >= RATE, WITHIN_S)
            for name in victims:
                freezes.append(await _freeze(it, people, name, freeze_s))
                await it.until(partial(_accepts, it, it.accepted() + 5 * RATE), WITHIN_S)
        await it.drained(60)
        figures = await it.figures()
        excused = doubled_across(it, await it.attempts(), [at for at, _ in freezes])
        waited_s = recovery_s(it.waits(), 0)
        restarts = [it.restarts(name) for name in victims]
    log.info("excused %s of %s, longest wait %.1f s, restarts %s", excused, freezes, waited_s, restarts)

    assert broken(figures) == {}
    assert figures.requested == figures.accepted == figures.verified
    assert sum(excused) == figures.duplicates_excused
    assert all(count <= in_flight for count, (_, in_flight) in zip(excused, freezes, strict=True))
    assert waited_s < WITHIN_S


async def test_dispatcher_that_wakes_after_its_claims_are_over_doubles_only_what_was_in_flight(
    tmp_path: Path, jars: Path
) -> None:
    await _run(tmp_path, jars, ("dispatch-1",), freeze_s=8, settings=SHORT)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_dispatchers_that_are_frozen_for_20_s_double_only_what_was_in_flight(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, ("dispatch-1", "dispatch-2"), freeze_s=20, settings={})

"""SIGKILL of a dispatcher in mid-load: nothing is lost, and what is sent twice was unknowable."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.drill import QUICK_RECEIPTS, Drill, People, broken, doubled_across, drill, log, recovery_s

RATE = 40
BEHAVIOUR = {**QUICK_RECEIPTS, "latency_median_s": 0.25}  # so that some messages are under way at any instant
SLOW_ANSWERS = {"slow": {"share": 0.02, "seconds": 3}}
WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: when, and how many records the dispatcher had in hand at most."""

    at: float  # epoch seconds
    in_flight: int


async def _kill(it: Drill, people: People, name: str, accepted: int) -> Kill:
    """Kill a busy dispatcher when so many requests were accepted, and wait until the supervisor has it back."""
    restarts = it.restarts(name)
    await it.until(lambda: it.accepted() >= accepted, 60)
    kill = Kill(in_flight=await it.caught_busy(name, people), at=time.time())
    it.supervisor.kill(name)
    took_s = await it.until(lambda: it.restarts(name) > restarts and it.is_ready(name), WITHIN_S)
    log.info("killed %s with %d in flight, ready again after %.1f s", name, kill.in_flight, took_s)
    return kill


async def _run(
    tmp_path: Path, jars: Path, victims: tuple[str, ...], *, seconds: float, enter_after_s: tuple[float, float]
) -> None:
    kills: list[Kill] = []
    async with drill(tmp_path, jars, behaviour=BEHAVIOUR) as it:
        await it.order(SLOW_ANSWERS)
        people = it.people(rate=RATE, seconds=seconds, enter_after_s=enter_after_s)
        async with it.asking(people, settle_s=60):
            step = int(RATE * seconds / (len(victims) + 1))
            for turn, name in enumerate(victims, start=1):
                kills.append(await _kill(it, people, name, turn * step))
        await it.drained(60)
        figures = await it.figures()
        excused = doubled_across(it, await it.attempts(), [kill.at for kill in kills])
        waited_s = recovery_s(it.waits(), 0)
    log.info("excused %s of in flight %s, longest wait %.1f s", excused, [k.in_flight for k in kills], waited_s)

    assert broken(figures) == {}
    assert figures.requested == figures.accepted == figures.verified
    assert (figures.dead, figures.expired) == (0, 0)
    assert sum(excused) == figures.duplicates_excused
    assert all(count <= kill.in_flight for count, kill in zip(excused, kills, strict=True))
    assert waited_s < WITHIN_S


async def test_killed_dispatcher_loses_nothing_and_doubles_only_what_was_in_flight(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, ("dispatch-1",), seconds=6, enter_after_s=(0.5, 2.0))


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_three_kills_in_mid_load_lose_nothing_and_double_only_what_was_in_flight(
    tmp_path: Path, jars: Path
) -> None:
    # People are slower than the claims of a dead dispatcher live: a code that was entered is not sent again.
    victims = ("dispatch-1", "dispatch-2", "dispatch-1")
    await _run(tmp_path, jars, victims, seconds=60, enter_after_s=(20.0, 25.0))

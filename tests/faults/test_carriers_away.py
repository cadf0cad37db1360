"""All carriers are away: what still lives is sent when they are back, and what has expired never is."""

import asyncio
import time
from pathlib import Path

import pytest

from pipeline.errors import DeadReason
from tests.faults.drill import Drill, broken, drill, log, recovery_s
from workers.embedded.callers_journal import read_carriers
from workers.embedded.traffic import NUMBERS

AWAY_S = 8.0
EVERY_S = 0.5  # a request that lives long and one that does not
SHORT_LIFE_S = 10  # no send starts later than 6 s
RECOVERED_S = 30.0
WITHIN_S = 60.0


async def _ask_on(it: Drill, until: float) -> tuple[set[str], set[str]]:
    """Ask for codes of long and of short life at a steady rate."""
    numbers = iter(NUMBERS)
    long, short = set(), set()
    while time.monotonic() < until:
        long.add(await it.ask(next(numbers)))
        short.add(await it.ask(next(numbers), ttl_s=SHORT_LIFE_S))
        await asyncio.sleep(EVERY_S)
    return long, short


@pytest.mark.slow
async def test_requests_wait_for_carriers_that_are_away_and_none_is_sent_after_its_life(
    tmp_path: Path, jars: Path
) -> None:
    async with drill(tmp_path, jars) as it:
        await it.supervisor.stop_one("carrier")
        long, short = await _ask_on(it, time.monotonic() + AWAY_S)
        await it.supervisor.start_one("carrier")
        back_at = time.time()
        await it.drained(WITHIN_S)
        figures = await it.figures()
        arrived = {row.request_id for row in read_carriers(it.system.carriers_journal)}
        dead = {letter.request_id: letter.reason for letter in await it.dead()}
        recovered_s = recovery_s(it.waits(), back_at)
    log.info(
        "%d long, %d short, dead %s, recovered in %.1f s", len(long), len(short), figures.dead_reasons, recovered_s
    )

    assert broken(figures) == {}
    assert long <= arrived
    assert {dead.get(request_id) for request_id in short - arrived} == {DeadReason.EXPIRED}
    assert recovered_s < RECOVERED_S

"""A dispatcher that dies anywhere between the provider's answer and the commit: another one finishes its work."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import DeadReason
from pipeline.records import Retry, decode
from pipeline.records.topics import REQUESTS, RETRY_TIERS
from tests.faults.crashing_dispatcher import Point
from tests.faults.drill import Drill, broken, drill
from workers.embedded.callers_journal import read_carriers
from workers.embedded.traffic import NUMBERS

SETTINGS: Final = {
    "ITHACA_KAFKA__SESSION_TIMEOUT_S": "2",
    "ITHACA_DISPATCH__LEASE_S": "4.5",
    "ITHACA_DISPATCH__SEND_TIMEOUT_S": "1",
    "ITHACA_DISPATCH__SECOND_LOOK_S": "200",  # no batch takes so long, however slow the machine
}
ROOT: Final = Path(__file__).parents[2]
BATCH: Final = 5  # requests that wait for the dispatcher that dies
NTH: Final = 3  # it dies at this one
WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one batch."""

    messages: int  # that reached the carriers: two of them each when they refuse it
    excused: int  # attempts that say of themselves that they are second sends
    attempted: int  # requests with an attempt record
    followed: int  # requests with a retry record
    dead: int  # requests with a dead letter


REFUSED: Final = Outcome(messages=2 * BATCH, excused=0, attempted=BATCH, followed=0, dead=BATCH)
TAKEN: Final = Outcome(messages=BATCH, excused=0, attempted=BATCH, followed=BATCH, dead=0)
SENT_AGAIN: Final = Outcome(messages=BATCH + 1, excused=1, attempted=BATCH, followed=BATCH, dead=0)


async def _dies(it: Drill, point: Point) -> int:
    """Run the dispatcher that dies, one record at a time; give its exit code."""
    environ = {**it.system.environ(), "ITHACA_DISPATCH__IN_FLIGHT": "1", "ITHACA_ADMIN__PORT": "0"}
    log = it.system.logs / f"crashing-{point}.log"
    with log.open("ab") as output:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.crashing_dispatcher", point, str(NTH)),
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        return await asyncio.wait_for(child.wait(), WITHIN_S)
    finally:
        if child.returncode is None:
            child.kill()


async def _batch(it: Drill, turn: int, point: Point) -> set[str]:
    """Let one dispatcher die over a batch of requests, and another one take over."""
    await it.supervisor.stop_one("dispatch-1")
    ids = {await it.ask(number) for number in NUMBERS[turn * BATCH : (turn + 1) * BATCH]}
    assert await _dies(it, point) == -signal.SIGKILL
    await it.supervisor.start_one("dispatch-1")
    await it.drained(WITHIN_S, (REQUESTS,))
    return ids


async def _outcome(it: Drill, ids: Collection[str]) -> Outcome:
    attempts = [attempt for attempt in await it.attempts() if attempt.request_id in ids]
    retries = [decode(Retry, record.value) for tier in RETRY_TIERS for record in await it.records(tier)]
    arrived = Counter(row.request_id for row in read_carriers(it.system.carriers_journal))
    dead = {letter.request_id for letter in await it.dead() if letter.reason is DeadReason.REJECTED}
    return Outcome(
        messages=sum(arrived[request_id] for request_id in ids),
        excused=len({attempt.request_id for attempt in attempts if attempt.excused}),
        attempted=len({attempt.request_id for attempt in attempts}),
        followed=len({retry.request.request_id for retry in retries} & {*ids}),
        dead=len(dead & {*ids}),
    )


async def test_crash_at_any_point_loses_nothing_and_only_an_answer_nobody_kept_is_sent_again(
    tmp_path: Path, jars: Path
) -> None:
    batches = {}
    async with drill(tmp_path, jars, dispatchers=1, settings=SETTINGS) as it:
        await it.order({"receipts_late": {"seconds": 60}})  # what is known to have arrived is not looked at again
        for turn, point in enumerate(Point):
            batches[f"{point}, taken"] = await _batch(it, turn, point)
        await it.order({"refuse": {}})
        batches["recorded, refused"] = await _batch(it, len(Point), Point.RECORDED)
        figures = await it.figures()
        outcomes = {name: await _outcome(it, ids) for name, ids in batches.items()}

    assert outcomes == {
        "answered, taken": SENT_AGAIN,
        "stored, taken": TAKEN,
        "recorded, taken": TAKEN,
        "acknowledged, taken": TAKEN,
        "finished, taken": TAKEN,
        "recorded, refused": REFUSED,
    }
    assert broken(figures) == {}
    assert figures.duplicates_excused == 1

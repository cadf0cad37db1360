"""Valkey is away, or takes no writes, under load: codes go on, none is found right, and all of it mends by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from pipeline.settings import StateSettings
from tests.faults.drill import Drill, broken, drill, log, recovery_s
from workers.embedded.callers_journal import read_callers, read_carriers
from workers.state.client import Store

RATE = 30
ON_ITS_WAY_S = 1.0  # an answer that was given before may be noted so much later
WITHIN_S = 30.0


Fault = Callable[[Drill, bool], Awaitable[None]]  # makes it, then mends it


async def _stopped(it: Drill, away: bool) -> None:  # noqa: FBT001
    await (it.supervisor.stop_one("valkey") if away else it.supervisor.start_one("valkey"))


async def _replica(it: Drill, away: bool) -> None:  # noqa: FBT001
    """Let the store follow a server that does not answer, as the former primary does after a failover."""
    store = Store(StateSettings(url=it.system.valkey.url))
    await store._client.execute_command("REPLICAOF", *(("127.0.0.1", "1") if away else ("NO", "ONE")))  # type: ignore[no-untyped-call]
    await store.close()


def _counted(words: str, folder: Path) -> dict[str, int]:
    """Count the lines of each process that say something, where any does."""
    counts = {path.stem: path.read_text().count(words) for path in folder.rglob("logs/*.log")}
    return {name: count for name, count in counts.items() if count}


async def _is_refused(it: Drill, request_id: str) -> bool:
    """Tell whether a check of a code is answered 503: nothing was decided."""
    status, _ = await it.post(f"/v1/otp/{request_id}/verify", {"code": "000000"})
    return status == HTTPStatus.SERVICE_UNAVAILABLE


async def _run(tmp_path: Path, jars: Path, away_s: float, fault: Fault) -> None:
    async with drill(tmp_path, jars) as it:
        people = it.people(rate=RATE, seconds=away_s + 8)
        async with it.asking(people, settle_s=60):
            await it.until(lambda: it.accepted() >= 3 * RATE, WITHIN_S)
            await fault(it, True)
            gone_at = time.time()
            await asyncio.sleep(away_s)  # the fault itself
            refused = [await _is_refused(it, row.request_id) for row in it.asked()[-RATE:] if row.request_id]
            returning_at = time.time()
            await fault(it, False)
            back_at = time.time()
        await it.drained(60)
        figures = await it.figures()
        entered = read_callers(it.system.callers_journal)[1]
        arrived = [row.at for row in read_carriers(it.system.carriers_journal)]
        sent_meanwhile = {wait.request_id for wait in it.waits() if gone_at < wait.arrived_at < returning_at}
        waited_s = recovery_s(it.waits(), 0)
    verified = {row.request_id for row in entered if row.verified}
    verified_meanwhile = [row for row in entered if row.verified and gone_at + ON_ITS_WAY_S < row.at < returning_at]
    verified_again_s = min(row.at for row in entered if row.verified and row.at > gone_at) - back_at
    log.info("%d sent meanwhile, longest wait %.2f s", len(sent_meanwhile), waited_s)
    log.info("codes verify again %.2f s after it was back; refused meanwhile %d", verified_again_s, len(refused))

    assert broken(figures) == {}
    assert figures.duplicates_excused == 0
    assert len(arrived) == figures.accepted
    assert len(sent_meanwhile) > 0.9 * RATE * away_s
    assert waited_s < 3.0
    assert all(refused)
    assert verified_meanwhile == []
    assert sent_meanwhile <= verified
    assert figures.verified == figures.accepted == figures.requested


async def test_short_store_outage_does_not_stop_codes_and_they_verify_afterwards(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, away_s=6, fault=_stopped)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_store_outage_of_20_s_does_not_stop_codes_and_they_verify_afterwards(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, away_s=20, fault=_stopped)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_store_that_takes_no_writes_does_not_stop_codes_and_is_said_once(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, away_s=15, fault=_replica)

    said = _counted('"error_type":"ReadOnlyError"', tmp_path)
    assert said.keys() >= {"api", "dispatch-1", "dispatch-2"}
    assert set(said.values()) == {1}, said

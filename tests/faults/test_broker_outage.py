"""Kafka is away under load: no false 202, an answer within 2 s, and work goes on by itself when it is back."""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from pipeline.records import OtpRequest, decode
from pipeline.records.topics import REQUESTS
from tests.faults.drill import Drill, broken, drill, log, recovery_s

RATE = 30
ANSWER_S = 4.0  # the door decides within 2 s, the rest is the machine; who waits for the broker waits 6 s or more
WITHIN_S = 30.0
LINES_PER_S = 150  # of one process while the broker is away; aiokafka left alone writes 4,000 on a whole core


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When the broker was not there. Epoch seconds."""

    gone_at: float
    returning_at: float
    back_at: float


async def _outage(it: Drill, away_s: float) -> Outage:
    await it.supervisor.stop_one("kafka")
    gone_at = time.time()
    await asyncio.sleep(away_s)  # the fault itself
    returning_at = time.time()
    await it.supervisor.start_one("kafka")
    return Outage(gone_at=gone_at, returning_at=returning_at, back_at=time.time())


def _lines_per_s(it: Drill, outage: Outage) -> float:
    """Tell how many lines a second the most talkative of our processes wrote."""
    lines = max(log.read_bytes().count(b"library.message") for log in it.system.logs.glob("*.log"))
    return lines / (outage.back_at - outage.gone_at)


async def _run(tmp_path: Path, jars: Path, away_s: float) -> None:
    async with drill(tmp_path, jars) as it:
        people = it.people(rate=RATE, seconds=away_s + 20)  # Kafka may take several seconds to start
        async with it.asking(people, settle_s=60):
            await it.until(lambda: it.accepted() >= 3 * RATE, WITHIN_S)
            outage = await _outage(it, away_s)
            accepted = it.accepted()
            reopened_s = await it.until(lambda: it.accepted() >= accepted + RATE, WITHIN_S)
        drained_s = await it.drained(60)
        figures = await it.figures()
        durable = {decode(OtpRequest, record.value).request_id for record in await it.records(REQUESTS)}
        recovered_s = recovery_s(it.waits(), outage.back_at)
        restarts = sum(status.restarts for status in it.supervisor.status())
        lines_per_s = _lines_per_s(it, outage)
        accepted_ids = {row.request_id for row in it.asked() if row.answer == "accepted"}
    meanwhile = [one for one in people.answers if outage.gone_at < one.at - one.took_s < outage.returning_at]
    slowest_s = max(answer.took_s for answer in people.answers)
    log.info("back after %.1f s, open %.1f s later", outage.back_at - outage.gone_at, reopened_s)
    log.info("last wait %.1f s, drained in %.1f s, %d restarts", recovered_s, drained_s, restarts)
    log.info("%d answers meanwhile, slowest %.2f s, %.0f lines/s", len(meanwhile), slowest_s, lines_per_s)

    assert broken(figures) == {}
    assert figures.verified == figures.accepted
    assert accepted_ids <= durable
    assert {answer.status for answer in meanwhile} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert slowest_s < ANSWER_S
    assert recovered_s < WITHIN_S
    assert restarts == 0
    assert lines_per_s < LINES_PER_S


async def test_short_broker_outage_loses_nothing_and_ends_by_itself(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, away_s=6)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_broker_outage_of_20_s_loses_nothing_and_ends_by_itself(tmp_path: Path, jars: Path) -> None:
    await _run(tmp_path, jars, away_s=20)

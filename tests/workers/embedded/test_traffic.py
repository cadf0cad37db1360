"""Simulated callers do as real ones: what nobody knows the outcome of is asked again under the same key."""

from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline.settings import Secret
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.traffic import Plan, Tally, Traffic

ACCEPTED = {"request_id": "r1", "expires_at": "2026-11-27T12:00:00Z", "resend_after_s": 30}


async def _asked(folder: Path, *statuses: HTTPStatus, repeat_s: float) -> tuple[Tally, list[str]]:
    """Ask once at a door that answers so, one after the other; give the tally and the keys that came."""
    keys: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        status = statuses[len(keys) - 1]
        return web.json_response(ACCEPTED if status is HTTPStatus.ACCEPTED else {}, status=status)

    app = web.Application()
    app.router.add_post("/v1/otp", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as api:
        plan = Plan(
            api_url=str(server.make_url("")).rstrip("/"),
            api_key=Secret(b"key"),
            carriers_url="http://nowhere.invalid",
            rate=1,
            seconds=1,
            journal_key=Secret(b"j" * 32),
            repeat_s=repeat_s,
        )
        journal = CallersJournal(folder / "callers.jsonl")
        traffic = Traffic(plan, journal)
        await traffic._ask(api, "+447700900123")
        journal.close()
    return traffic.tally, keys


@pytest.mark.parametrize("status", [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY])
async def test_unknown_outcome_is_asked_again_under_the_same_key(tmp_path: Path, status: HTTPStatus) -> None:
    tally, keys = await _asked(tmp_path, status, HTTPStatus.ACCEPTED, repeat_s=60)

    assert (tally.asked, tally.accepted) == (1, 1)
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_refusal_is_final(tmp_path: Path) -> None:
    tally, keys = await _asked(tmp_path, HTTPStatus.BAD_REQUEST, repeat_s=60)

    assert (tally.asked, tally.accepted, len(keys)) == (1, 0, 1)


async def test_who_is_not_to_repeat_asks_once(tmp_path: Path) -> None:
    tally, keys = await _asked(tmp_path, HTTPStatus.SERVICE_UNAVAILABLE, repeat_s=0)

    assert (tally.asked, tally.accepted, len(keys)) == (1, 0, 1)

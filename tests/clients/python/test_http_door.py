"""The Python client of the HTTP door, against the API, a dispatcher and simulated carriers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from ithaca_otp import HttpClient, Invalid, NotFound, Over, ProblemType, Refused, State, TooSoon
from tests.clients.python.conftest import API_KEY, NUMBER, code_in, direct
from tests.integration.dispatching import Behind
from tests.workers.doors import listening, wrong

UNKNOWN = "request-of-nobody"


async def test_code_that_is_asked_for_arrives_and_is_right_once_entered(door: Behind, http: HttpClient) -> None:
    accepted = await http.ask(NUMBER, purpose="login", locale="de", ttl_s=120)
    (delivery,) = await door.arrived(1)
    await door.attempts(1)
    before = await http.status(accepted.request_id)
    code = code_in(delivery)

    assert "ist Ihr Code" in delivery["text"]
    assert not await http.verify(accepted.request_id, wrong(code))
    assert await http.verify(accepted.request_id, f"{code[:3]} {code[3:]}")
    after = await http.status(accepted.request_id)
    assert (before.state, after.state, accepted.resend_after_s) == (State.OPEN, State.VERIFIED, 30)
    assert (after.expires_at - after.issued_at).total_seconds() == pytest.approx(120, abs=5)
    assert [(one.provider, one.outcome) for one in after.attempts] == [(delivery["carrier"], "accepted")]
    assert after.verified_at


async def test_wish_for_another_message_too_soon_is_told_how_long_to_wait(door: Behind, http: HttpClient) -> None:
    accepted = await http.ask(NUMBER, purpose="login")
    await door.attempts(1)

    with pytest.raises(TooSoon) as early:
        await http.resend(accepted.request_id)

    assert 0 < early.value.retry_after_s <= 30
    assert early.value.type == ProblemType.TOO_SOON


async def test_wish_for_another_message_after_the_code_was_entered_is_over(door: Behind, http: HttpClient) -> None:
    accepted = await http.ask(NUMBER, purpose="login")
    (delivery,) = await door.arrived(1)
    await door.attempts(1)
    assert await http.verify(accepted.request_id, code_in(delivery))

    with pytest.raises(Over) as over:
        await http.resend(accepted.request_id)

    assert over.value.type == ProblemType.VERIFIED


async def test_request_on_kafka_is_verified_over_http(door: Behind, http: HttpClient) -> None:
    async with direct(door) as client:
        request = await client.ask(NUMBER, purpose="login")
    (delivery,) = await door.arrived(1)
    await door.attempts(1)

    assert await http.verify(request.request_id, code_in(delivery))


async def test_what_is_wrong_is_told_by_class_field_and_type(url: str, http: HttpClient) -> None:
    with pytest.raises(Invalid) as number:
        await http.ask("0044 7700", purpose="login")
    with pytest.raises(NotFound):
        await http.status(UNKNOWN)
    await http.ask(NUMBER, purpose="login", idempotency_key="one")
    with pytest.raises(Invalid) as reused:
        await http.ask(NUMBER, purpose="other", idempotency_key="one")
    async with HttpClient(url, "no-such-key") as stranger:
        with pytest.raises(Refused, match="api key of the caller") as unauthorized:
            await stranger.status(UNKNOWN)

    assert (number.value.field, number.value.type) == ("to", ProblemType.INVALID_FIELD)
    assert (reused.value.field, reused.value.type) == ("Idempotency-Key", ProblemType.KEY_REUSED)
    assert unauthorized.value.status == 401
    assert not await http.verify(UNKNOWN, "123456")


@asynccontextmanager
async def _losing(url: str) -> AsyncIterator[tuple[str, list[int]]]:
    """Stand before the API and lose its first answer; give the address, and the statuses that it answered."""
    statuses: list[int] = []

    async def forward(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in ("Authorization", "Idempotency-Key", "Content-Type")}
        async with api.post(request.path, data=await request.read(), headers=headers) as answer:
            statuses.append(answer.status)
            if len(statuses) == 1:
                assert request.transport
                request.transport.close()
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_post("/v1/otp", forward)
    async with ClientSession(url) as api, listening(app) as before:
        yield before, statuses


async def test_ask_whose_answer_was_lost_is_repeated_and_sends_one_message(door: Behind, url: str) -> None:
    async with _losing(url) as (before, statuses), HttpClient(before, API_KEY) as client:
        accepted = await client.ask(NUMBER, purpose="login")
        other = await client.ask(NUMBER, purpose="other")

    assert statuses == [202, 202, 202]
    assert await door.handed_over(2) == [accepted.request_id, other.request_id]

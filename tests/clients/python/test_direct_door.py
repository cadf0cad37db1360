"""The Python client of the direct door, against a dispatcher and simulated carriers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from ithaca_otp import Invalid, Unavailable
from ithaca_otp.direct import DirectClient, Request
from pipeline.errors import DeadReason
from pipeline.records import Expired, encode
from pipeline.records.topics import EXPIRED
from tests.clients.python.conftest import CALLER, NUMBER, code_in, direct
from tests.integration.dispatching import WITHIN_S, Behind
from tests.integration.records import write


@pytest.fixture
async def client(door: Behind) -> AsyncIterator[DirectClient]:
    async with direct(door) as client:
        yield client


async def test_code_that_is_asked_for_arrives_at_the_handset(door: Behind, client: DirectClient) -> None:
    request = await client.ask(NUMBER, purpose="login", locale="de")

    (delivery,) = await door.arrived(1)

    assert delivery["to"] == NUMBER
    assert delivery["client_reference"] == f"{request.request_id}.1"
    assert "ist Ihr Code" in delivery["text"]


async def test_asking_again_sends_the_same_code_through_another_provider(door: Behind, client: DirectClient) -> None:
    request = await client.ask(NUMBER, purpose="login")
    (first,) = await door.arrived(1)
    await door.attempts(1)
    await client.resend(request)

    _, second = await door.arrived(2)

    assert code_in(first) == code_in(second)
    assert first["carrier"] != second["carrier"]
    assert await door.handed_over(2) == [request.request_id] * 2


async def test_code_of_the_callers_own_is_the_one_that_arrives(door: Behind, client: DirectClient) -> None:
    await client.ask(NUMBER, purpose="login", code="739204")

    (delivery,) = await door.arrived(1)

    assert delivery["text"].startswith("739204 is your")


async def test_code_of_the_callers_own_that_was_entered_is_not_sent_again(door: Behind, client: DirectClient) -> None:
    request = await client.ask(NUMBER, purpose="login", code="739204")
    await door.attempts(1)
    await client.entered(request)
    await door.over(request.request_id)
    await client.resend(request)
    other = await client.ask(NUMBER, purpose="other")

    await door.arrived(2)

    assert await door.handed_over(2) == [request.request_id, other.request_id]


async def test_what_would_be_a_dead_letter_is_refused_before_it_is_produced(door: Behind, client: DirectClient) -> None:
    with pytest.raises(Invalid) as number:
        await client.ask("447700900123", purpose="login")
    with pytest.raises(Invalid) as purpose:
        await client.ask(NUMBER, purpose="log in")
    with pytest.raises(Invalid, match="ttl_s` is 601; a code may live 1 to 600 s"):
        await client.ask(NUMBER, purpose="login", ttl_s=601)

    with pytest.raises(Invalid) as code:
        await client.ask(NUMBER, purpose="login", code="")

    assert (number.value.field, purpose.value.field, code.value.field) == ("to", "purpose", "code")
    good = await client.ask(NUMBER, purpose="login")
    assert await door.handed_over(1) == [good.request_id]


async def test_request_that_was_kept_elsewhere_is_resent_all_the_same(door: Behind, client: DirectClient) -> None:
    kept = (await client.ask(NUMBER, purpose="login")).to_json()
    await door.attempts(1)
    await client.resend(Request.from_json(kept))

    first, second = await door.arrived(2)

    assert code_in(first) == code_in(second)


async def test_ask_that_is_repeated_with_its_request_id_sends_one_message(door: Behind, client: DirectClient) -> None:
    request = await client.ask(NUMBER, purpose="login")
    await client.ask(NUMBER, purpose="login", request_id=request.request_id)
    other = await client.ask(NUMBER, purpose="other")

    assert await door.handed_over(2) == [request.request_id, other.request_id]


async def test_refusals_of_this_caller_are_told_and_those_of_others_are_not(door: Behind, client: DirectClient) -> None:
    async with direct(door, caller="nobody") as stranger:
        await stranger.ask(NUMBER, purpose="login")
    await door.refused(1)
    impossible = await client.ask("+440000000", purpose="login")

    async with asyncio.timeout(WITHIN_S), aclosing(client.refused()) as refused:
        told = await anext(refused)

    assert (told.request_id, told.reason, told.resend) == (impossible.request_id, "invalid_number", 0)
    assert "`to`" in told.detail


async def test_refusal_that_was_given_is_not_told_again_to_the_next_process(door: Behind, client: DirectClient) -> None:
    first = await client.ask("+440000000", purpose="login")
    async with asyncio.timeout(WITHIN_S), direct(door) as reader, aclosing(reader.refused()) as refused:
        assert (await anext(refused)).request_id == first.request_id
        second = await client.ask("+440000000", purpose="login")
        assert (await anext(refused)).request_id == second.request_id

    async with asyncio.timeout(WITHIN_S), direct(door) as reader, aclosing(reader.refused()) as refused:
        assert (await anext(refused)).request_id == second.request_id  # the last one may be told again


async def test_code_that_no_provider_ever_had_is_told(door: Behind, client: DirectClient) -> None:
    at = datetime.now(UTC)
    one = Expired(
        request_id="request-0123456789", caller=CALLER, purpose="login", expired_at=at, reason=DeadReason.EXPIRED
    )
    other = replace(one, caller="bank")
    topic = door.settings.kafka.prefix + EXPIRED.name
    await asyncio.to_thread(write, door.settings.kafka.bootstrap, topic, [encode(other), encode(one)])

    async with asyncio.timeout(WITHIN_S), aclosing(client.expired()) as expired:
        told = await anext(expired)

    assert (told.request_id, told.purpose, told.expired_at) == (one.request_id, "login", at)
    assert told.reason == "expired"


async def test_record_that_is_not_acknowledged_in_time_is_told_with_what_to_repeat_it_with(door: Behind) -> None:
    async with direct(door, prefix="no-such-prefix.", acknowledged_s=0.1) as client:
        with pytest.raises(Unavailable, match=r"within 0\.1 s: whether it has the record is unknown") as away:
            await client.ask(NUMBER, purpose="login")

    assert away.value.key


async def test_client_outside_its_block_says_how_it_is_used(door: Behind) -> None:
    with pytest.raises(RuntimeError, match="async with DirectClient"):
        await direct(door).ask(NUMBER, purpose="login")

"""The Python client of the direct door, against a dispatcher and simulated carriers."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.errors import BrokerAway, DeadReason, InvalidMessage
from pipeline.settings import KafkaSettings, Secret
from tests.integration.dispatching import Behind, behind
from workers.client import OtpClient
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import KafkaProducer

NUMBER = "+447700900123"
CALLER, KID, KEY = "demo", "demo-1", Secret(b"k" * 32)


@pytest.fixture
async def door(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    async with behind(kafka, valkey, prefix, tmp_path, ITHACA_OTP__RESEND_AFTER_S="0") as door:
        yield door


@pytest.fixture
async def client(door: Behind) -> AsyncIterator[OtpClient]:
    key = door.settings.callers[CALLER].seal_keys[KID]
    async with OtpClient(door.settings.kafka, caller=CALLER, kid=KID, key=key) as client:
        yield client


def code_in(delivery: dict[str, Any]) -> str:
    code = re.search(r"\d{6}", delivery["text"])
    assert code
    return code[0]


async def test_code_that_is_asked_for_arrives_at_the_handset(door: Behind, client: OtpClient) -> None:
    request = await client.ask(NUMBER, purpose="login", locale="de")

    (delivery,) = await door.arrived(1)

    assert delivery["to"] == NUMBER
    assert delivery["client_reference"] == f"{request.request_id}.1"
    assert "ist Ihr Code" in delivery["text"]


async def test_asking_again_sends_the_same_code_through_another_provider(door: Behind, client: OtpClient) -> None:
    request = await client.ask(NUMBER, purpose="login")
    (first,) = await door.arrived(1)
    await door.attempts(1)
    await client.again(request)

    _, second = await door.arrived(2)

    assert code_in(first) == code_in(second)
    assert first["carrier"] != second["carrier"]
    assert await door.handed_over(2) == [request.request_id] * 2


async def test_code_of_the_callers_own_is_the_one_that_arrives(door: Behind, client: OtpClient) -> None:
    await client.ask(NUMBER, purpose="login", code="739204")

    (delivery,) = await door.arrived(1)

    assert delivery["text"].startswith("739204 is your")


async def test_code_of_the_callers_own_that_was_entered_is_not_sent_again(door: Behind, client: OtpClient) -> None:
    request = await client.ask(NUMBER, purpose="login", code="739204")
    await door.attempts(1)
    await client.entered(request)
    await door.over(request.request_id)
    await client.again(request)
    other = await client.ask(NUMBER, purpose="other")

    await door.arrived(2)

    assert await door.handed_over(2) == [request.request_id, other.request_id]


async def test_what_would_be_a_dead_letter_is_refused_before_it_is_produced(door: Behind, client: OtpClient) -> None:
    with pytest.raises(InvalidMessage) as number:
        await client.ask("447700900123", purpose="login")
    with pytest.raises(InvalidMessage) as purpose:
        await client.ask(NUMBER, purpose="log in")
    with pytest.raises(ValueError, match="ttl_s is 601; a code may live 1 to 600 s"):
        await client.ask(NUMBER, purpose="login", ttl_s=601)

    with pytest.raises(InvalidMessage) as code:
        await client.ask(NUMBER, purpose="login", code="")

    assert number.value.reason is DeadReason.INVALID_NUMBER
    assert code.value.reason is DeadReason.INVALID_CODE
    assert (purpose.value.reason, "purpose" in purpose.value.detail) == (DeadReason.INVALID_FIELD, True)
    good = await client.ask(NUMBER, purpose="login")
    assert await door.handed_over(1) == [good.request_id]


async def test_client_outside_its_block_says_how_it_is_used() -> None:
    client = OtpClient(KafkaSettings(), caller=CALLER, kid=KID, key=KEY)
    with pytest.raises(RuntimeError, match="async with OtpClient"):
        await client.ask(NUMBER, purpose="login")


class SilentProducer:
    """A producer whose broker has gone: nothing is acknowledged."""

    def send(self, *_: object) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


async def test_broker_that_has_gone_is_told_within_the_limit() -> None:
    client = OtpClient(KafkaSettings(send_timeout_s=0.1), caller=CALLER, kid=KID, key=KEY)
    client._producer = cast("KafkaProducer", SilentProducer())
    with pytest.raises(BrokerAway, match=r"within 0\.1 s: whether it has the record is unknown"):
        await client.ask(NUMBER, purpose="login")

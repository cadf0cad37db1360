"""The HTTP door and the receipts on real Kafka: accepted means durable, and away means 503."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientConnectionError, ClientSession
from confluent_kafka import Consumer, TopicPartition

from pipeline.errors import SettingsError, TopicMismatch
from pipeline.message.phone import unseal
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import OtpRequest, Receipt, Verdict, Verification, decode
from pipeline.settings import HttpSettings, ReceiptsSettings, Settings
from tests.integration.records import make_topic, read, write
from tests.workers.doors import NUMBER, SHOP, opened, settings_for
from workers.api import run as run_api
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import free_ports
from workers.embedded.valkey import EmbeddedValkey
from workers.receipts import run as run_receipts

GOOD = {"to": NUMBER, "purpose": "login"}
WITHIN_S = 30.0
Run = Callable[[Settings, asyncio.Event], Awaitable[None]]


def _settings(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str) -> Settings:
    made = settings_for(valkey.url, prefix, bootstrap=kafka.bootstrap)
    api, receipts = free_ports(2)
    return replace(
        made,
        kafka=replace(made.kafka, partitions=1),
        api=HttpSettings(port=api),
        receipts=ReceiptsSettings(port=receipts),
    )


@asynccontextmanager
async def _running(run: Run, settings: Settings, port: int) -> AsyncIterator[ClientSession]:
    """Run a process's entry function beside the block; it stops when told to."""
    stop = asyncio.Event()
    process = asyncio.ensure_future(run(settings, stop))
    async with ClientSession(f"http://127.0.0.1:{port}") as client:
        try:
            await _until(client, lambda status: status in {200, 503})
            yield client
        finally:
            stop.set()
            await asyncio.wait_for(process, 15.0)


async def _until(client: ClientSession, wanted: Callable[[int], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not wanted(await _status(client)):
            await asyncio.sleep(0.05)


async def _status(client: ClientSession) -> int:
    try:
        async with client.get("/readyz") as answer:
            return answer.status
    except ClientConnectionError:
        return 0


async def _ask(client: ClientSession) -> tuple[int, str | None, float]:
    started = time.monotonic()
    async with client.post("/v1/otp", json=GOOD, headers=SHOP) as answer:
        body = await answer.json(content_type=None)
    return answer.status, body.get("request_id"), time.monotonic() - started


async def _read(settings: Settings, topic: str, count: int) -> list[bytes]:
    return await asyncio.to_thread(read, settings.kafka.bootstrap, settings.kafka.prefix + topic, count)


async def test_accepted_request_is_on_the_topic_and_opens_with_the_callers_key(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str
) -> None:
    settings = _settings(kafka, valkey, prefix)
    async with _running(run_api, settings, settings.api.port) as client:
        await _until(client, lambda status: status == 200)
        status, request_id, _ = await _ask(client)

    request = decode(OtpRequest, (await _read(settings, "otp.requests", 1))[0])
    keys = settings.callers["shop"].seal_keys
    assert (status, request.request_id) == (202, request_id)
    assert unseal(request.to, caller="shop", request_id=request.request_id, keys=keys) == NUMBER


async def test_no_request_is_accepted_that_kafka_does_not_have_and_none_waits_over_two_seconds(
    valkey: EmbeddedValkey, jars: Path, tmp_path: Path, prefix: str
) -> None:
    async with EmbeddedKafka(tmp_path / "kafka", cache=jars) as kafka:
        settings = _settings(kafka, valkey, prefix)
        async with _running(run_api, settings, settings.api.port) as client:
            await _until(client, lambda status: status == 200)
            answers = [await _ask(client) for _ in range(5)]
            asking = asyncio.create_task(_ask_on(client, answers))
            await kafka.stop()
            await _until(client, lambda status: status == 503)
            away = [await _ask(client) for _ in range(5)]
            await kafka.start()
            await _until(client, lambda status: status == 200)
            back = await _ask(client)
            asking.cancel()

        accepted = {request_id for status, request_id, _ in [*answers, back] if status == 202}
        durable = {decode(OtpRequest, value).request_id for value in await _read_all(settings)}

    assert ({status for status, _, _ in away}, back[0]) == ({503}, 202)
    assert {status for status, _, _ in answers} == {202, 503}
    assert max(waited for _, _, waited in [*answers, *away]) < 2.0
    assert max(waited for _, _, waited in away) < 0.5
    assert accepted <= durable


async def _ask_on(client: ClientSession, answers: list[tuple[int, str | None, float]]) -> None:
    while True:
        answers.append(await _ask(client))
        await asyncio.sleep(0.01)


async def _read_all(settings: Settings) -> list[bytes]:
    """Read all that is there: it may be more than was accepted, since a 503 means unknown."""
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": "counts"})
    topic = TopicPartition(f"{settings.kafka.prefix}otp.requests", 0)
    _, end = await asyncio.to_thread(consumer.get_watermark_offsets, topic, WITHIN_S)
    consumer.close()
    return await _read(settings, "otp.requests", end)


async def test_door_that_starts_before_kafka_says_so_and_opens_when_it_is_there(
    valkey: EmbeddedValkey, jars: Path, tmp_path: Path, prefix: str
) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka", cache=jars, ports=(port := free_ports(1)))
    settings = settings_for(valkey.url, prefix, bootstrap=f"127.0.0.1:{port[0]}")
    settings = replace(settings, api=HttpSettings(port=free_ports(1)[0]))
    async with _running(run_api, settings, settings.api.port) as client:
        refused = await _ask(client)
        async with kafka:
            await _until(client, lambda status: status == 200)
            accepted = await _ask(client)

    assert (refused[0], accepted[0]) == (503, 202)
    assert refused[2] < 0.5


async def test_checked_code_is_on_the_topic(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str) -> None:
    settings = _settings(kafka, valkey, prefix)
    async with _running(run_api, settings, settings.api.port) as client, opened(settings) as door:
        await _until(client, lambda status: status == 200)
        door.clock.move(1)  # the door's epoch is as old as its start
        request = door.request("request-0123456789")
        code = await door.dispatched(request)
        async with client.post(f"/v1/otp/{request.request_id}/verify", json={"code": code}, headers=SHOP) as answer:
            assert await answer.json() == {"verified": True}

    verification = decode(Verification, (await _read(settings, "otp.verifications", 1))[0])
    assert (verification.verdict, verification.provider) == (Verdict.VERIFIED, "carrier-a")


async def test_acknowledged_receipt_is_on_the_topic(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str) -> None:
    settings = _settings(kafka, valkey, prefix)
    async with _running(run_receipts, settings, settings.receipts.port) as client, opened(settings) as door:
        await _until(client, lambda status: status == 200)
        token = CallbackToken(
            request_id="request-0123456789",
            number=1,
            provider="carrier-a",
            country="GB",
            sent_at=door.clock.now(),
            config="config",
        )
        ours = issue(token, settings.keys.tokens)
        body = orjson.dumps({"id": "m-1", "state": "delivered", "reference": ours})
        signed = {"X-Carrier-Signature": hmac.digest(b"carrier-a", body, "sha256").hex()}
        async with client.post(f"/receipts/carrier-a/{ours}", data=body, headers=signed) as answer:
            assert answer.status == 200

    receipt = decode(Receipt, (await _read(settings, "otp.receipts", 1))[0])
    assert (receipt.request_id, receipt.provider, receipt.raw) == ("request-0123456789", "carrier-a", "delivered")


@pytest.mark.parametrize(("run", "section"), [(run_api, "api"), (run_receipts, "receipts")])
async def test_taken_port_is_named(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, run: Any, section: str
) -> None:
    settings = _settings(kafka, valkey, prefix)
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", getattr(settings, section).port)

    with pytest.raises(SettingsError, match=rf"{section}\.port: cannot listen"):
        await run(settings, asyncio.Event())

    taken.close()
    await taken.wait_closed()


async def test_topic_of_another_make_ends_the_process_with_what_to_do(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str
) -> None:
    settings = _settings(kafka, valkey, prefix)
    make_topic(kafka.bootstrap, f"{prefix}otp.requests")
    write(kafka.bootstrap, f"{prefix}otp.requests", [b""])  # so that it has a leader

    with pytest.raises(TopicMismatch, match="mend it with"):
        await asyncio.wait_for(run_api(settings, asyncio.Event()), WITHIN_S)

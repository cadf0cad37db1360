"""Orders on the topic, and the real dispatcher that follows them without anybody who decides."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pipeline.settings import Settings
from tests.integration.dispatching import Behind, behind
from tests.integration.statistics import until
from tests.integration.test_direct_door import a_request, produce
from tests.integration.test_orders import WHY, orders
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import LOOPBACK, free_ports
from workers.embedded.valkey import EmbeddedValkey

FLOOD = ("demo",) * 30 + ("bank",) * 10  # of records that nobody can read, from two callers


@pytest.fixture
async def door(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    (port,) = free_ports(1)
    async with behind(kafka, valkey, prefix, tmp_path, ITHACA_ADMIN__PORT=str(port)) as door:
        await until("it is ready", lambda: figures(door.settings))
        yield door


async def figures(settings: Settings) -> dict[str, Any]:
    url = f"http://{LOOPBACK}:{settings.admin.port}/readyz"
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            document: dict[str, Any] = await answer.json()
            return document if answer.ok else {}
    except aiohttp.ClientError:
        return {}


def unreadable(caller: str) -> dict[str, Any]:
    return {"v": 1, "request_id": secrets.token_urlsafe(16), "caller": caller, "purpose": 7}


async def test_banned_provider_gets_nothing_though_nobody_decides(door: Behind) -> None:
    await orders(door.settings.kafka, "ban", "carrier-a", "--country", "GB", *WHY)
    await orders(door.settings.kafka, "ban", "carrier-b", "--country", "all", *WHY)
    await until("both are heard of", lambda: bans(door))
    produce(door, *(a_request() for _ in range(30)))
    assert {attempt.provider for attempt in await door.attempts(30)} == {"carrier-c"}


async def test_partition_that_a_flood_has_paused_goes_on_when_it_is_ordered(door: Behind) -> None:
    produce(door, *(unreadable(caller) for caller in FLOOD))
    await until("it is paused", lambda: paused(door))
    produce(door, a_request())
    name = f"{door.settings.kafka.prefix}otp.requests"

    refused = await orders(door.settings.kafka, "resume-partition", name, "--reason", "the release is undone", code=2)
    await orders(door.settings.kafka, "resume-partition", "otp.requests/0", "--reason", "the release is undone")
    await door.arrived(1)

    assert refused["field"] == "partition"
    assert not await paused(door)
    assert json.dumps(await orders(door.settings.kafka, "list")).count("otp.requests/0") == 1


async def paused(door: Behind) -> bool:
    return (await figures(door.settings)).get("paused") == ["otp.requests/0"]


async def bans(door: Behind) -> bool:
    return (await figures(door.settings)).get("orders") == 2

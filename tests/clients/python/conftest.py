"""A whole system without statistics: one dispatcher, simulated carriers, and the HTTP door before it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientConnectionError

from ithaca_otp import HttpClient
from ithaca_otp.direct import DirectClient
from pipeline.settings import HttpSettings
from tests.integration.dispatching import WITHIN_S, Behind, behind
from workers.api import run
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import free_ports
from workers.embedded.valkey import EmbeddedValkey

NUMBER: Final = "+447700900123"
CALLER: Final = "demo"  # of the development settings
KID: Final = "demo-1"
API_KEY: Final = "dev-demo"


def code_in(delivery: Mapping[str, Any]) -> str:
    """Give the code in a message."""
    code = re.search(r"\d{6}", delivery["text"])
    assert code
    return code[0]


def direct(door: Behind, **more: Any) -> DirectClient:
    """Make a client of the direct door that waits as long as a busy machine takes."""
    kafka = door.settings.kafka
    key = door.settings.callers[CALLER].seal_keys[KID].reveal()
    given: dict[str, Any] = {
        "caller": CALLER,
        "kid": KID,
        "key": key,
        "prefix": kafka.prefix,
        "acknowledged_s": 20.0,
    } | more
    return DirectClient(kafka.bootstrap, **given)


@pytest.fixture
async def door(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    async with behind(kafka, valkey, prefix, tmp_path, ITHACA_OTP__RESEND_AFTER_S="0") as door:
        yield door


@pytest.fixture
async def url(door: Behind) -> AsyncIterator[str]:
    """Run the HTTP door, at which a second message may be asked for after 30 s."""
    settings = door.settings
    (port,) = free_ports(1)
    otp = replace(settings.otp, resend_after_s=30)
    stop = asyncio.Event()
    running = asyncio.create_task(run(replace(settings, api=HttpSettings(port=port), otp=otp), stop))
    try:
        await _ready(door, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await asyncio.wait_for(running, WITHIN_S)


async def _ready(door: Behind, url: str) -> None:
    status = 0
    async with asyncio.timeout(WITHIN_S):
        while status != 200:
            await asyncio.sleep(0.05)
            with suppress(ClientConnectionError):
                async with door.http.get(f"{url}/readyz") as answer:
                    status = answer.status


@pytest.fixture
async def http(url: str) -> AsyncIterator[HttpClient]:
    async with HttpClient(url, API_KEY, give_up_s=20.0, answer_s=20.0) as http:
        yield http

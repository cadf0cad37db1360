"""The dispatcher on real Kafka and Valkey; its providers are mocks of the descriptions of Twilio and Telnyx."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.errors import Outcome
from pipeline.records import Attempt, decode
from pipeline.records.topics import ATTEMPTS
from pipeline.settings import Settings
from pipeline.settings.parse import parse
from pipeline.settings.references import Found
from providers import ADAPTERS
from tests.integration.records import read
from tests.providers.contract import sample
from tests.providers.described import guarded, missing, mock
from workers.client import OtpClient
from workers.dispatch.process import run
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import create_topics

REQUESTS: Final = 1000
DESCRIBED: Final = {name: spec for name in ("twilio", "telnyx") if (spec := sample(name).spec)}
WITHIN_S: Final = 120.0
NUMBER: Final = "+447700900123"

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


def _settings(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, urls: dict[str, str]) -> Settings:
    environ = {
        "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "ITHACA_KAFKA__PREFIX": prefix,
        "ITHACA_KAFKA__PARTITIONS": "1",
        "ITHACA_STATE__URL": valkey.url,
        "ITHACA_STATE__PREFIX": prefix,
        "ITHACA_DISPATCH__SEND_TIMEOUT_S": "30",  # a thousand at once take the mocks some time
        "ITHACA_DISPATCH__LEASE_S": "45",
        "ITHACA_DISPATCH__WATCHDOG_S": "60",
        "ITHACA_RECEIPTS__PUBLIC_URL": "https://otp.example.com",  # the description of Telnyx wants a public one
        "ITHACA_ROUTES": json.dumps({"*": dict.fromkeys(urls, 100 / len(urls))}),
        **{f"ITHACA_PROVIDERS__{name.upper()}": json.dumps(_account(name, url)) for name, url in urls.items()},
    }
    keys = {name: next(iter(sample(name).settings.webhook_keys.values())).reveal() for name in urls}
    needs = {name: adapter.needs for name, adapter in ADAPTERS.items()}
    return parse(environ=environ, adapters=needs, find=lambda _, name: Found(data=keys[name]))


def _account(name: str, url: str) -> dict[str, Any]:
    return {
        "adapter": name,
        "base_url": url,
        "credential": f"dev:{name}",
        "webhook_keys": {"k1": f"env:{name}"},
        "options": dict(sample(name).settings.options),
        "senders": {"*": "+15550100"},
    }


async def test_a_thousand_requests_are_handed_over_as_the_providers_describe(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as parts:
        guards = {}
        for name in DESCRIBED:
            url = await parts.enter_async_context(mock(DESCRIBED[name], tmp_path))
            guards[name] = await parts.enter_async_context(guarded([url]))
        settings = _settings(kafka, valkey, prefix, {name: guard.url for name, guard in guards.items()})
        attempts = await _dispatched(settings)

    assert [violation for guard in guards.values() for violation in guard.violations] == []
    assert Counter((attempt.outcome, attempt.code) for attempt in attempts) == {(Outcome.ACCEPTED, None): REQUESTS}
    assert {attempt.provider for attempt in attempts} == DESCRIBED.keys()


async def _dispatched(settings: Settings) -> list[Attempt]:
    """Ask for codes at the direct door, and give what a dispatcher made of the requests."""
    await create_topics(settings.kafka)
    stop = asyncio.Event()
    dispatcher = asyncio.create_task(run(settings, stop))
    kid, key = next(iter(settings.callers["demo"].seal_keys.items()))
    try:
        async with OtpClient(settings.kafka, caller="demo", kid=kid, key=key) as client:
            await asyncio.gather(*(client.ask(NUMBER, purpose=f"p{turn}") for turn in range(REQUESTS)))
        topic = settings.kafka.prefix + ATTEMPTS.name
        values = await asyncio.to_thread(read, settings.kafka.bootstrap, topic, REQUESTS, WITHIN_S)
    finally:
        stop.set()
        await dispatcher
    return [decode(Attempt, value) for value in values]

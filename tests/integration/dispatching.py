"""Everything behind the direct door: one dispatcher and simulated carriers, on the Kafka and Valkey of the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import ClientSession

from pipeline.records import Attempt, DeadLetter, decode
from pipeline.settings import Secret, Settings
from pipeline.settings.parse import parse
from tests.integration.carriers import QUICK
from tests.integration.records import read
from workers.dispatch.process import run
from workers.embedded.carrier import Account, CarrierConfig, running
from workers.embedded.carrier.journal import NAME
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import create_topics
from workers.state.client import Store

WITHIN_S: Final = 30.0
CARRIERS: Final = ("carrier-a", "carrier-b", "carrier-c")  # of the development settings
BANK: Final = '{"seal_keys": {"bank-1": "dev:bank"}, "brand": "Bank"}'


@dataclass(slots=True)
class Behind:
    """What is to be seen behind the door."""

    settings: Settings
    url: str  # of the carriers
    folder: Path
    http: ClientSession

    async def arrived(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many messages on the handsets, and give all that are there."""
        deliveries: list[dict[str, Any]] = []
        async with asyncio.timeout(WITHIN_S):
            while len(deliveries) < count:
                since = f"{self.url}/handsets/events?since={len(deliveries)}&wait_s=10"
                async with self.http.get(since) as answer:
                    deliveries += (await answer.json())["deliveries"]
        return deliveries

    async def dead(self, count: int) -> list[DeadLetter]:
        """Wait for so many dead letters."""
        return [decode(DeadLetter, value) for value in await self._read("otp.dead", count)]

    async def refused(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many refusals, as a caller reads them."""
        return [orjson.loads(value) for value in await self._read("otp.refused", count)]

    async def over(self, request_id: str) -> None:
        """Wait until the store knows that the code of a request was entered."""
        store = Store(self.settings.state)
        try:
            async with asyncio.timeout(WITHIN_S):
                while b"v" not in await store.fields(f"otp:{request_id}"):
                    await asyncio.sleep(0.05)
        finally:
            await store.close()

    async def attempts(self, count: int) -> list[Attempt]:
        """Wait for so many attempts: the outcomes of these are in the store, too."""
        return [decode(Attempt, value) for value in await self._read("otp.attempts", count)]

    async def handed_over(self, count: int) -> list[str]:
        """Wait for so many messages in the carriers' journal, and give the request ids of all that are there."""
        requests: list[str] = []
        async with asyncio.timeout(WITHIN_S):
            while len(requests) < count:  # a carrier may deliver before it has written
                await asyncio.sleep(0.01)
                rows = map(orjson.loads, (self.folder / NAME).read_bytes().splitlines())
                requests = [row["request_id"] for row in rows if row["row"] == "request"]
        return requests

    async def _read(self, topic: str, count: int) -> list[bytes]:
        kafka = self.settings.kafka
        return await asyncio.to_thread(read, kafka.bootstrap, kafka.prefix + topic, count)


@asynccontextmanager
async def behind(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, folder: Path, **more: str
) -> AsyncIterator[Behind]:
    """Run a dispatcher and carriers, both quick and without fault, beside the block. `more` are our variables."""
    credentials = {name: provider.credential for name, provider in parse().providers.items()}
    behaviour = replace(QUICK, unreported_deliveries=1.0)  # nobody takes receipts here
    config = CarrierConfig(
        accounts={name: Account(credential=key, behaviour=behaviour) for name, key in credentials.items() if key},
        journal=folder,
        journal_key=Secret(b"journal key of tests"),
    )
    async with running(config) as url, ClientSession() as http:
        settings = parse(environ=_environ(kafka, valkey, prefix, url) | more)
        await create_topics(settings.kafka)
        stop = asyncio.Event()
        dispatcher = asyncio.create_task(run(settings, stop))
        try:
            yield Behind(settings=settings, url=url, folder=folder, http=http)
        finally:
            stop.set()
            await asyncio.wait_for(dispatcher, WITHIN_S)


def _environ(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, url: str) -> dict[str, str]:
    carriers = {f"ITHACA_PROVIDERS__{name.upper().replace('-', '_')}__BASE_URL": f"{url}/{name}" for name in CARRIERS}
    return {
        "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "ITHACA_KAFKA__PREFIX": prefix,
        "ITHACA_KAFKA__PARTITIONS": "1",
        "ITHACA_STATE__URL": valkey.url,
        "ITHACA_STATE__TIMEOUT_S": "30",  # the store is there, however busy this machine is
        "ITHACA_STATE__PREFIX": prefix,
        "ITHACA_CALLERS__BANK": BANK,
        **carriers,
    }

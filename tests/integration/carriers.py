"""Simulated carriers and our side of them, for tests."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession, web
from multidict import CIMultiDict

from pipeline.settings import ProviderSettings, Secret
from providers.carrier import CarrierProvider
from providers.seam import Accepted, Callback, Sms
from workers.embedded.carrier import Account, Behaviour, CarrierConfig, running
from workers.embedded.carrier.journal import NAME

KEY = Secret(b"journal key of tests")
TOKEN = Secret(b"token-a")
QUICK = Behaviour(
    delivery_share=1.0,
    latency_median_s=0.0,
    latency_sigma=0.0,
    delivery_median_s=0.01,
    receipt_floor_s=0.02,
    receipt_median_s=0.01,
    unreported_deliveries=0.0,
)
NUMBER = "+491701234567"


@dataclass(slots=True)
class World:
    """Two carriers, and our side of both."""

    url: str
    folder: Path
    http: ClientSession
    carriers: dict[str, CarrierProvider] = field(default_factory=dict)

    async def order(self, carrier: str, **faults: dict[str, Any]) -> tuple[int, Any]:
        async with self.http.put(f"{self.url}/{carrier}/faults", json=faults) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        async with self.http.get(self.url + path) as response:
            assert response.status == 200
            return await response.json()

    async def send(self, sms: Sms, carrier: str = "carrier-a") -> Accepted:
        return await self.carriers[carrier].send(sms)

    def journal(self, kind: str = "request") -> list[dict[str, Any]]:
        lines = (self.folder / NAME).read_bytes().splitlines()
        return [row for row in map(orjson.loads, filter(None, lines)) if row["row"] == kind]


def a_provider(url: str, name: str, credential: Secret) -> CarrierProvider:
    return CarrierProvider(name, ProviderSettings(adapter="carrier", base_url=f"{url}/{name}", credential=credential))


@asynccontextmanager
async def a_world(folder: Path, behaviour: Behaviour = QUICK) -> AsyncIterator[World]:
    accounts = {"carrier-a": TOKEN, "carrier-b": Secret(b"token-b")}
    config = CarrierConfig(
        accounts={name: Account(credential=token, behaviour=behaviour) for name, token in accounts.items()},
        journal=folder,
        journal_key=KEY,
    )
    async with running(config) as url, ClientSession() as http:
        world = World(url, folder, http)
        world.carriers = {name: a_provider(url, name, token) for name, token in accounts.items()}
        yield world
        for provider in world.carriers.values():
            await provider.close()


def an_sms(number: int = 1, *, to: str = NUMBER, callback_url: str = "", timeout_s: float = 5.0) -> Sms:
    return Sms(
        attempt_id=f"request-0123456789-{number}.2",
        to=to,
        text="482913 is your code. @example.test #482913",
        sender=None,
        country="DE",
        callback_url=callback_url or "http://127.0.0.1:1/nobody",
        reference="",
        validity_s=300,
        timeout_s=timeout_s,
        send_before=time.monotonic() + 5,
    )


@dataclass(slots=True)
class Receiver:
    """Our receipts door: answers with `statuses` in turn, then 204; notes what came."""

    statuses: list[int] = field(default_factory=list)
    callbacks: asyncio.Queue[Callback] = field(default_factory=asyncio.Queue)
    url: str = ""

    async def take(self, request: web.BaseRequest) -> web.Response:
        callback = Callback(
            method="POST", url=str(request.url), headers=CIMultiDict(request.headers), body=await request.read()
        )
        self.callbacks.put_nowait(callback)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/receipts/carrier-a/token"
    try:
        yield receiver
    finally:
        await runner.cleanup()

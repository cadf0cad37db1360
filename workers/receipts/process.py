"""Providers' callbacks -> `otp.receipts`, and the newest state of each attempt into its row."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from pipeline.settings import Settings
from providers import providers_of
from providers.seam import Provider
from workers.metrics import Sample
from workers.metrics.definitions import CALLBACKS
from workers.receipts.authentication import Authenticator
from workers.receipts.counter import CallbackCounter
from workers.receipts.recording import Recorder
from workers.web.parts import Parts, connected
from workers.web.serving import json, new_app, serve


class Receipts:
    """`POST` and `GET /receipts/{provider}/{token}`, and without the token for providers with one fixed address."""

    def __init__(self, parts: Parts, providers: Mapping[str, Provider]) -> None:
        self.counter = CallbackCounter()
        self._publisher = parts.publisher
        self._authenticator = Authenticator(parts, providers, self.counter)
        self._recorder = Recorder(parts, self.counter)

    async def take(self, request: web.Request) -> web.Response:
        """Take a callback: 200 only after Kafka has its receipts, so that a provider repeats what we do not have."""
        until = self._publisher.limit()
        receipts = await self._authenticator.read(request)
        for token, receipt in receipts:
            await self._recorder.record(token, receipt, until)
        return json({"receipts": len(receipts)})


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, TopicMismatch, and CannotGoOn when the producer is broken."""
    providers = providers_of(settings)
    async with connected(settings, "receipts") as parts:
        await serve(build_app(parts, providers), "receipts", parts, stop)


def build_app(parts: Parts, providers: Mapping[str, Provider]) -> web.Application:
    """Wire the process."""
    receipts = Receipts(parts, providers)
    app = new_app(parts)
    parts.metrics.watch(lambda: [Sample(CALLBACKS, count, (what,)) for what, count in receipts.counter.counts.items()])
    for path in ("/receipts/{provider}/{token}", "/receipts/{provider}"):
        app.router.add_post(path, receipts.take)
        app.router.add_get(path, receipts.take, allow_head=False)
    return app

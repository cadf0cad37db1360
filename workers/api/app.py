"""The HTTP door as a whole, and as a process."""

import asyncio

from aiohttp import web

from pipeline.settings import Settings
from workers.api.asking import Asking
from workers.api.callers import Callers
from workers.api.checking import Checking
from workers.api.looking import Looking
from workers.api.openapi import document
from workers.api.queue import Queue
from workers.metrics import Sample
from workers.metrics.definitions import QUEUE_AGE, UNPUBLISHED
from workers.web.parts import Parts, connected
from workers.web.serving import json, new_app, serve


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, TopicMismatch, and CannotGoOn when the producer is broken."""
    queue = Queue(settings.kafka, settings.otp.ttl_s)
    async with connected(settings, "api") as parts, queue.watched():
        await serve(build_app(parts, queue), "api", parts, stop)


def build_app(parts: Parts, queue: Queue) -> web.Application:
    """Wire the door. The queue is watched by whoever runs the server."""
    app = new_app(parts, queue.figures)
    callers = Callers(parts.settings.callers)
    asking = Asking(parts, callers, queue)
    described = document()
    parts.metrics.watch(lambda: [Sample(QUEUE_AGE, queue.age_s)])
    parts.metrics.watch(lambda: [Sample(UNPUBLISHED, count, (name,)) for name, count in parts.publisher.lost.items()])

    async def openapi(_: web.Request) -> web.Response:
        return json(described)

    app.router.add_post("/v1/otp", asking.ask)
    app.router.add_post("/v1/otp/{request_id}/resend", asking.resend)
    app.router.add_post("/v1/otp/{request_id}/verify", Checking(parts, callers).verify)
    app.router.add_get("/v1/otp/{request_id}", Looking(parts, callers).look, allow_head=False)
    app.router.add_get("/openapi.json", openapi, allow_head=False)
    return app

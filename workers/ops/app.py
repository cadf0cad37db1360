"""The operators' page as a whole, and as a process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from workers.kafka.following import TopicFollower
from workers.metrics.metric import OPS
from workers.ops.actions import Actions
from workers.ops.answers import answer
from workers.ops.events import Events
from workers.ops.feed import FOLLOWED, Feed
from workers.ops.login import Login
from workers.ops.pages import guarded, page_routes
from workers.web.parts import Parts, connected
from workers.web.serving import new_app, serve


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, TopicMismatch, and CannotGoOn when the producer is broken."""
    if not settings.operators:
        raise SettingsError('operators is empty, so nobody could log in; write [operators.<name>] with key = "env:KEY"')
    async with connected(settings, OPS) as parts:
        feed = Feed(parts.clock.now)
        events = Events(feed.whole, feed.news)
        feed.when_urgent = events.wake
        async with _followed(settings, feed, events):
            await serve(build_app(parts, feed, events), "ops", parts, stop)


def build_app(parts: Parts, feed: Feed, events: Events) -> web.Application:
    """Wire the page. Feed and events are kept going by whoever runs the server."""
    app = new_app(parts)
    app.middlewares.insert(0, guarded)  # around the problems: they are answers too
    login = Login(parts)

    async def board(_: web.Request) -> web.Response:
        return answer(feed.whole())

    async def history(request: web.Request) -> web.Response:
        return answer({"points": feed.history(request.match_info["country"])})

    app.add_routes(page_routes())
    app.router.add_post("/v1/session", login.enter)
    app.router.add_get("/v1/session", login.tell, allow_head=False)
    app.router.add_delete("/v1/session", login.leave)
    app.router.add_get("/v1/board", login.required(board), allow_head=False)
    app.router.add_get("/v1/history/{country}", login.required(history), allow_head=False)
    app.router.add_get("/v1/events", login.required(events.stream), allow_head=False)
    actions = Actions(parts, login)
    app.router.add_post("/v1/orders", actions.order)
    app.router.add_delete("/v1/orders/{order_id}", actions.withdraw)
    app.router.add_get("/v1/dead-letters", actions.letters, allow_head=False)
    app.router.add_post("/v1/dead-letters/redrive", actions.redrive)
    app.router.add_get("/v1/explain/{request_id}", actions.explain, allow_head=False)
    app.on_shutdown.append(events.close)
    return app


@contextlib.asynccontextmanager
async def _followed(settings: Settings, feed: Feed, events: Events) -> AsyncIterator[None]:
    """Follow the topics, and tell what is new, beside the block."""
    follower = TopicFollower(settings.kafka, [topic.name for topic in FOLLOWED], feed.take)
    jobs = [asyncio.create_task(work) for work in (follower.run(), events.run())]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

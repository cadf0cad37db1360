"""The process: several carriers behind one port, one journal, one set of handsets."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web

from workers.embedded.carrier.carrier import Carrier
from workers.embedded.carrier.config import CarrierConfig
from workers.embedded.carrier.handsets import Handsets
from workers.embedded.carrier.journal import Journal
from workers.embedded.carrier.reporter import Reporter

MAX_WAIT_S: Final = 25.0  # of a long poll; under the usual 30 s of clients and proxies


async def serve(config: CarrierConfig, stop: asyncio.Event, *, ready: Callable[[str], None] | None = None) -> None:
    """Run until `stop` is set. `ready` is called once with the base URL. Raises OSError where the port is taken."""
    gc.set_threshold(
        50_000, 20, 50
    )  # thousands of timers live for seconds: looking at them often costs 10 us a message
    async with running(config) as url:
        if ready is not None:
            ready(url)
        await stop.wait()


@asynccontextmanager
async def running(config: CarrierConfig) -> AsyncIterator[str]:
    """Serve inside this block, giving the base URL. Messages still under way at its end are never delivered."""
    journal = Journal(config.journal)
    reporter = Reporter(journal)
    handsets = Handsets()
    runner = web.AppRunner(
        _application(config, journal, reporter, handsets),
        access_log=None,  # its lines would hold phone numbers
        handler_cancellation=True,  # who hangs up ends the hang that was ordered
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, config.host, config.port).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
        await reporter.close()
        await journal.close()


def _application(config: CarrierConfig, journal: Journal, reporter: Reporter, handsets: Handsets) -> web.Application:
    app = web.Application(client_max_size=64 * 1024)
    for name, account in config.accounts.items():
        carrier = Carrier(
            name,
            account,
            seed=config.seed,
            journal_key=config.journal_key,
            journal=journal,
            handsets=handsets,
            reporter=reporter,
        )
        app.add_routes(carrier.routes())

    async def events(request: web.Request) -> web.Response:
        """`GET /handsets/events?since=N&wait_s=S`: what arrived on any phone after delivery N, when there is some."""
        try:
            since, wait_s = int(request.query.get("since", "0")), float(request.query.get("wait_s", MAX_WAIT_S))
        except ValueError:
            raise web.HTTPBadRequest(text="`since` and `wait_s` are numbers") from None
        deliveries = await handsets.since(since, max(0.0, min(wait_s, MAX_WAIT_S)))
        body = orjson.dumps({"next": max(since, handsets.count), "deliveries": deliveries})
        return web.Response(body=body, content_type="application/json")

    async def readyz(_: web.Request) -> web.Response:
        """`GET /readyz`: the carriers that answer."""
        return web.json_response({"carriers": sorted(config.accounts)})

    app.add_routes([web.get("/handsets/events", events), web.get("/readyz", readyz)])
    return app

"""Serve until told to stop, with Kafka or without."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from pipeline.errors import SettingsError
from pipeline.settings import HttpSettings, ReceiptsSettings
from workers.log import get_log
from workers.metrics import loop_lag_observed
from workers.web.admin import Readiness, health_routes
from workers.web.counting import counted
from workers.web.parts import Parts
from workers.web.problems import MAX_BODY_BYTES, problems

DRAIN_S: Final = 5.0  # for requests in hand when told to stop

log = get_log("http")


def new_app(parts: Parts, more: Callable[[], Mapping[str, Any]] = dict) -> web.Application:
    """Give an application that refuses large bodies and answers every refusal with a problem document.

    It is ready while Kafka is there: without the store it goes on with less. `more` are figures to say beside that.
    """
    app = web.Application(middlewares=[counted(parts.metrics), problems], client_max_size=MAX_BODY_BYTES)

    def readiness() -> Readiness:
        kafka, store = parts.publisher.available, parts.checks.available
        return Readiness(ready=kafka, figures={"kafka": _word(up=kafka), "store": _word(up=store), **more()})

    async def drain(_: web.Application) -> None:
        await parts.publisher.drain(DRAIN_S)

    app.add_routes(health_routes(readiness, parts.metrics))
    app.on_cleanup.append(drain)
    return app


async def serve(app: web.Application, section: str, parts: Parts, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then finish what is in hand.

    Raises SettingsError when the address cannot be had, and whatever the publisher gave up with.
    """
    check_parser()
    # No access log: a receipt's path holds its token.
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S)
    await runner.setup()
    ends: list[asyncio.Future[Any]] = [asyncio.create_task(stop.wait()), parts.publisher.broken]
    try:
        await _listen(runner, section, getattr(parts.settings, section))
        async with loop_lag_observed(parts.metrics):
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ends[0].cancel()
        await runner.cleanup()
    if parts.publisher.broken.done():
        parts.publisher.broken.result()


async def _listen(runner: web.AppRunner, section: str, settings: HttpSettings | ReceiptsSettings) -> None:
    host, port = settings.host, settings.port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        remedy = "write another port, or 0 for a free one"
        text = f"{section}.port: cannot listen on {host}:{port} ({error.strerror}); {remedy}"
        raise SettingsError(text) from error
    log.info("http.listening", host=host, port=runner.addresses[0][1])


def check_parser() -> None:
    """Warn when aiohttp has fallen back to its parser in Python: slower, and laxer with bytes on the edge of HTTP."""
    if HttpRequestParser is HttpRequestParserPy:
        log.warning("http.parser_in_python")


def json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Give a JSON answer that nobody keeps."""
    return web.Response(
        status=status,
        body=orjson.dumps(document, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _word(*, up: bool) -> str:
    return "up" if up else "away"

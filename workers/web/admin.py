"""Health of a process: `/healthz` while its loop turns, `/readyz` with the figures of its parts, and `/metrics`.

Servers of HTTP add `health_routes` to their own application; other processes run `admin_server` beside their work.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from pipeline.errors import SettingsError
from pipeline.settings import HttpSettings
from workers.log import get_log
from workers.metrics import CONTENT_TYPE, Metrics, Sample, loop_lag_observed
from workers.metrics.definitions import READY

CLOSE_S: Final = 1.0  # for questions in hand when the process stops

log = get_log("admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether a process can do its work now, and the figures that tell why."""

    ready: bool
    figures: Mapping[str, Any] = field(default_factory=dict)  # what JSON can say; no code, no number, no secret


def health_routes(readiness: Callable[[], Readiness], metrics: Metrics) -> Sequence[web.RouteDef]:
    """Give the routes `/healthz` (200), `/readyz` (200 or 503, with the figures) and `/metrics`."""
    metrics.watch(lambda: [Sample(READY, readiness().ready)])

    async def healthz(_: web.Request) -> web.Response:
        return _answer(HTTPStatus.OK, {"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        now = readiness()
        status = HTTPStatus.OK if now.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _answer(status, {"status": "ready" if now.ready else "not ready", **now.figures})

    async def exposed(_: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE}
        return web.Response(body=metrics.page(), headers=headers)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposed)]


@asynccontextmanager
async def admin_server(
    settings: HttpSettings, readiness: Callable[[], Readiness], metrics: Metrics
) -> AsyncIterator[int]:
    """Serve health and metrics while the block runs, and give the port.

    Raises SettingsError when the address cannot be had.
    """
    app = web.Application()
    app.add_routes(health_routes(readiness, metrics))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S)
    await runner.setup()
    try:
        port = await _listen(runner, settings)
        async with loop_lag_observed(metrics):
            yield port
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: HttpSettings) -> int:
    host, port = settings.host, settings.port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        text = f"admin.port: cannot listen on {host}:{port} ({error.strerror}); write another port, or 0 for a free one"
        raise SettingsError(text) from error
    bound: int = runner.addresses[0][1]
    log.info("admin.listening", host=host, port=bound)
    return bound


def _answer(status: HTTPStatus, document: Mapping[str, Any]) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json", headers=headers)

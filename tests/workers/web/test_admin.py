"""Health of a process that is no HTTP server."""

import socket

import pytest
from aiohttp import ClientSession

from pipeline.errors import SettingsError
from pipeline.settings import HttpSettings
from workers.metrics import Metrics
from workers.metrics.definitions import METRICS
from workers.web.admin import Readiness, admin_server


async def ask(port: int, path: str) -> tuple[int, dict[str, object]]:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as reply:
        return reply.status, await reply.json()


async def test_process_whose_loop_turns_is_healthy_even_when_it_is_not_ready() -> None:
    async with admin_server(HttpSettings(), lambda: Readiness(ready=False), Metrics(METRICS)) as port:
        assert await ask(port, "/healthz") == (200, {"status": "ok"})


@pytest.mark.parametrize(("ready", "status", "word"), [(True, 200, "ready"), (False, 503, "not ready")])
async def test_readiness_is_told_with_its_figures(*, ready: bool, status: int, word: str) -> None:
    now = Readiness(ready=ready, figures={"lag": 7})
    async with admin_server(HttpSettings(), lambda: now, Metrics(METRICS)) as port:
        assert await ask(port, "/readyz") == (status, {"status": word, "lag": 7})


async def test_port_that_is_taken_is_a_settings_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"admin\.port: cannot listen on 127\.0\.0\.1:{port}"):
            async with admin_server(HttpSettings(port=port), lambda: Readiness(ready=True), Metrics(METRICS)):
                pass


@pytest.mark.parametrize(("ready", "value"), [(True, b"1.0"), (False, b"0.0")])
async def test_metrics_tell_whether_the_process_is_ready(*, ready: bool, value: bytes) -> None:
    async with (
        admin_server(HttpSettings(), lambda: Readiness(ready=ready), Metrics(METRICS)) as port,
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as reply,
    ):
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert b"\notp_ready " + value + b"\n" in await reply.read()

"""Questions of the command line to our own servers."""

import pytest
from aiohttp import web

from tests.workers.doors import listening
from workers.cli.http import ask
from workers.embedded.readiness import http_ready


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_proxy_of_the_environment_is_not_asked_for_what_runs_here(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    monkeypatch.setenv(variable, "http://127.0.0.1:1")  # where nobody is
    async with listening(app) as url:
        assert (await ask(f"{url}/readyz")).document == {"status": "ready"}
        assert await http_ready(f"{url}/readyz")()

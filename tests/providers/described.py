"""Servers made of the providers' own descriptions of their APIs, by Prism: every request is checked against them.

They need Node with npm, and the descriptions beside the project (`../shared/specs`); without either the tests that use
them say so and are skipped.
"""

import asyncio
import shutil
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from tests.npm import installed
from workers.embedded.ports import LOOPBACK, choose_ports

PROJECT: Final = Path(__file__).parents[2]
SPECS: Final = PROJECT.parent / "shared" / "specs"
PACKAGE: Final = Path(__file__).parent / "prism"
INSTALLED: Final = PROJECT / ".cache" / "prism"
PRISM: Final = INSTALLED / "node_modules" / ".bin" / "prism"
READY_S: Final = 60.0


def missing() -> str | None:
    """Tell what these tests lack here."""
    if shutil.which("npm") is None:
        return "needs Node with npm"
    return None if SPECS.is_dir() else "needs the providers' descriptions in ../shared/specs"


@asynccontextmanager
async def mock(spec: str, folder: Path) -> AsyncIterator[str]:
    """Serve a description; a request that breaks it is answered with an error."""
    await installed(PACKAGE, INSTALLED)
    (port,) = choose_ports(folder / f"{spec}.port.json", 1)
    server = await asyncio.create_subprocess_exec(
        *(str(PRISM), "mock", "--errors", "--host", LOOPBACK, "--port", str(port), str(SPECS / spec)), stdout=DEVNULL
    )
    try:
        await _until_it_listens(port)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        await server.wait()


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


@dataclass(slots=True)
class Guard:
    """What stands before the mocks, which believe any credential, and what it saw."""

    url: str = ""
    violations: list[tuple[str, str]] = field(default_factory=list)  # path, and what is wrong with the request
    answers: set[bytes] = field(default_factory=set)


@asynccontextmanager
async def guarded(mocks: Sequence[str], authorization: str | None = None, *, prefer: str = "") -> AsyncIterator[Guard]:
    """Pass requests on to the first mock that knows their path; with `authorization`, only those that carry it.

    A mock knows no path of its server's own address: what is `/sms/json` there may be `/json` here.
    `prefer` tells the mock how to answer (RFC 7240).
    """
    guard = Guard()

    async def forward(request: web.Request) -> web.Response:
        if authorization is not None and request.headers.get("Authorization") != authorization:
            return web.json_response({}, status=HTTPStatus.UNAUTHORIZED)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        headers |= {"Prefer": prefer} if prefer else {}
        body = await request.read()
        paths = request.raw_path, "/" + request.raw_path[1:].partition("/")[2]
        urls = [f"{mock_url}{path}" for path in paths for mock_url in mocks]
        for url in urls:
            async with http.request(request.method, url, headers=headers, data=body or None) as answer:
                if answer.status == HTTPStatus.NOT_FOUND and url != urls[-1]:
                    continue
                if found := answer.headers.get("sl-violations"):
                    guard.violations.append((request.path, found))
                read = await answer.read()
                guard.answers.add(read)
                return web.Response(status=answer.status, body=read, content_type=answer.content_type)
        raise AssertionError

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # A connection for each request: a mock closes those that are idle for five seconds, just as one may be used again.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        try:
            await web.TCPSite(runner, LOOPBACK, 0).start()
            guard.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
            yield guard
        finally:
            await runner.cleanup()

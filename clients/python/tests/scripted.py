"""A server that answers as a test has written it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

ACCEPTED: Final = {"request_id": "k3v0Yp7mS1qXb2R8wZ5tNA", "expires_at": "2026-01-02T03:09:05Z", "resend_after_s": 30}
CUT: Final = 0  # instead of a status: the connection ends without an answer


@dataclass(slots=True, kw_only=True)
class Scripted:
    """One answer; the last of a list is given again and again."""

    status: int
    body: Any = None
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(status: int, detail: str = "detail", headers: Mapping[str, str] | None = None, **more: Any) -> Scripted:
    """Give a refusal as a problem document."""
    body = {"type": "about:blank", "title": "title", "status": status, "detail": detail} | more
    return Scripted(status=status, body=body, kind="application/problem+json", headers=headers or {})


@dataclass(slots=True, kw_only=True)
class Asked:
    """One call that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Server:
    """Answers in turn, and keeps what was asked."""

    def __init__(self, answers: tuple[Scripted, ...]) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            method=request.method,
            path=request.raw_path,
            headers=request.headers,
            body=json.loads(body) if body else None,
        )
        self.asked.append(asked)
        scripted = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if scripted.status == CUT:
            assert request.transport is not None
            request.transport.close()
        data = scripted.body if isinstance(scripted.body, bytes) else json.dumps(scripted.body).encode()
        status = scripted.status or 200
        return web.Response(status=status, body=data, content_type=scripted.kind, headers=scripted.headers)


@asynccontextmanager
async def answering(*answers: Scripted) -> AsyncIterator[Server]:
    """Serve on a free port beside the block."""
    server = Server(answers)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()

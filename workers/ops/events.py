"""Server-sent events (WHATWG HTML, 9.2): everybody who looks gets the same bytes, made once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NoReturn

import msgspec
from aiohttp import web

from workers.web.problems import away

EVERY_S: Final = 1.0
SOONEST_S: Final = 0.1  # after the last: news that cannot wait are told then
REPEAT_MS: Final = 1000  # after which a browser connects anew
MOST_BEHIND: Final = 30  # events that somebody may be behind; a slower one is cut off and begins anew
MOST_VIEWERS: Final = 200


class Events:
    """Tells everybody what is new. `whole` gives the first event of each, `news` those after it."""

    def __init__(self, whole: Callable[[], Any], news: Callable[[], Any]) -> None:
        self._whole = whole
        self._news = news
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that news cannot wait."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Tell once a second, and at once when something has changed, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            if self._queues:
                self._tell(event(self._news()))
            await asyncio.sleep(SOONEST_S)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer with events until the browser or this process goes."""
        if len(self._queues) >= MOST_VIEWERS:
            raise away("too many look at this page: close one of them")
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_BEHIND)
        queue.put_nowait(f"retry: {REPEAT_MS}\n\n".encode() + event(self._whole()))
        self._queues.add(queue)  # before anything is awaited: no news may come between the whole and this
        try:
            with suppress(ConnectionError):
                await answer.prepare(request)
                while (data := await queue.get()) is not None:
                    await answer.write(data)
        finally:
            self._queues.discard(queue)
        return answer

    async def close(self, _: web.Application) -> None:
        """Let everybody go, so that the server can stop."""
        for queue in self._queues:
            _cut(queue)

    def _tell(self, data: bytes) -> None:
        for queue in self._queues:
            if queue.full():
                _cut(queue)
            else:
                queue.put_nowait(data)


def event(document: Any) -> bytes:
    """Give the bytes of one event."""
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def _cut(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)

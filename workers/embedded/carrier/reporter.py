"""Receipts, from the simulated carrier to the callback URL of each message."""

import asyncio
import hmac
import time
from typing import Any, Final

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from pipeline.settings import Secret
from workers.embedded.carrier.journal import Journal

WAITS_S: Final = (1, 2, 4, 8, 16, 32, 60, 60, 60, 60)  # between the tries, then it is given up
_CONNECTIONS: Final = 64
_TIMEOUT: Final = ClientTimeout(total=10)


class Reporter:
    """Sends signed receipts, each until it is answered with 2xx, and journals every try."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._session = ClientSession(
            connector=TCPConnector(limit=_CONNECTIONS), cookie_jar=DummyCookieJar(), timeout=_TIMEOUT
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def report(self, row: dict[str, Any], url: str, credential: Secret) -> None:
        """Send one receipt. `row` is its journal row: carrier, message_id, client_reference, state, error."""
        if self._closed:  # it became due while the carriers were ending
            return
        task = asyncio.create_task(self._send(row, url, credential.reveal()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way, and what would follow."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _send(self, row: dict[str, Any], url: str, credential: bytes) -> None:
        reference = url.rpartition("/")[2]  # inside what is signed: a receipt cannot be moved to another's address
        body = orjson.dumps(
            {"id": row["message_id"], "state": row["state"], "error": row["error"], "reference": reference}
        )
        headers = {
            "Content-Type": "application/json",
            "X-Carrier-Signature": hmac.digest(credential, body, "sha256").hex(),
        }
        for wait_s in (*WAITS_S, None):
            status = await self._post(url, body, headers)
            self._journal.note({"row": "receipt", **row, "at": time.time(), "status": status})
            if wait_s is None or (status is not None and 200 <= status < 300):  # noqa: PLR2004 - the class of success
                return
            await asyncio.sleep(wait_s)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int | None:
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return response.status
        except (ClientError, OSError, ValueError):  # nobody there, or a callback URL that is none
            return None

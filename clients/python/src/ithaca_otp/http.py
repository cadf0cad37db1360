"""The HTTP door: ask for codes, ask again, check what was entered, look what became of it."""

import asyncio
import json
import random
import re
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import aiohttp

from ithaca_otp.answers import Accepted, Answer, Timeline, accepted, reason, timeline, verified
from ithaca_otp.errors import Unavailable
from ithaca_otp.repeating import UNDECIDED, pause_s

GIVE_UP_S: Final = 8.0  # less than the 10 s in which the right code once more is true again
ANSWER_S: Final = 3.0  # the door decides within 2 s (kafka.send_timeout_s)
_KEY_BYTES: Final = 16
_VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    key: str | None = None  # the Idempotency-Key


class HttpClient:
    """The API at `url`, for the caller whose key is `api_key`. An asynchronous context manager.

    What gets no answer, or one that decides nothing (408, 429, 502, 503, 504), is repeated for `give_up_s` seconds,
    with growing pauses and never sooner than `Retry-After` says; one attempt waits `answer_s` seconds. Every call
    raises Refused, Failed and, after that time, Unavailable.
    `ssl_context` is for an API with a certificate that this machine does not know.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        give_up_s: float = GIVE_UP_S,
        answer_s: float = ANSWER_S,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("`url` is no address of an API, such as https://otp.example.com")
        if not _VISIBLE.fullmatch(api_key):
            raise ValueError("`api_key` is empty, or has blanks or line ends: strip what was read from a file")
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._give_up_s = give_up_s
        self._answer_s = answer_s
        self._ssl = ssl_context
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool of connections; nothing is sent yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl or True),
            headers={"Authorization": f"Bearer {self._api_key}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def ask(
        self,
        to: str,
        *,
        purpose: str,
        locale: str | None = None,
        ttl_s: int | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Ask for a code to an E.164 number; returns when Kafka has the request for good.

        A new request of the same number and purpose voids the one before. Without `locale` the text is English,
        without `ttl_s` the code lives as long as the server's settings say. Every ask has an idempotency key of its
        own; give one to repeat an ask that ended with Unavailable, or to make one ask of several processes' asks.
        """
        key = idempotency_key or secrets.token_urlsafe(_KEY_BYTES)
        body = {"to": to, "purpose": purpose, "locale": locale, "ttl_s": ttl_s}
        given = {name: value for name, value in body.items() if value is not None}
        return accepted(await self._call(_Call(method="POST", path="/v1/otp", body=given, key=key)))

    async def resend(self, request_id: str) -> Accepted:
        """Ask for another message with the same code, through another provider where there is one.

        Raises TooSoon and Over too. A wish whose answer was lost counts: its repeat is TooSoon, not a second message.
        """
        return accepted(await self._call(_Call(method="POST", path=f"{_path(request_id)}/resend")))

    async def verify(self, request_id: str, code: str) -> bool:
        """Tell whether a code is right: true once, and again for 10 s after that.

        Pass on what the person entered as it is. False is wrong, expired, used, unknown and out of tries alike.
        A wrong code whose answer was lost may cost two tries.
        """
        call = _Call(method="POST", path=f"{_path(request_id)}/verify", body={"code": code})
        return verified(await self._call(call))

    async def status(self, request_id: str) -> Timeline:
        """See what became of a request. Raises NotFound for some ms after the ask, too."""
        return timeline(await self._call(_Call(method="GET", path=_path(request_id))))

    async def _call(self, call: _Call) -> Answer:
        """Give an answer that decides. Raises Unavailable when there is none in time."""
        clock = asyncio.get_running_loop()
        until, attempt = clock.time() + self._give_up_s, 0
        while True:
            attempt += 1
            answer, fault = await self._attempt(call, min(clock.time() + self._answer_s, until))
            if answer is not None and answer.status not in UNDECIDED:
                return answer
            wanted_s = answer.retry_after_s if answer else None
            wait_s = pause_s(attempt, wanted_s, random.random())
            if clock.time() + wait_s >= until:
                raise self._unknown(call, fault, wanted_s)
            await asyncio.sleep(wait_s)

    async def _attempt(self, call: _Call, until: float) -> tuple[Answer | None, str]:
        """Give the answer, if one comes, and in a word what speaks against it."""
        if self._session is None:
            raise RuntimeError("use HttpClient as `async with HttpClient(...) as client:`")
        headers = {} if call.key is None else {"Idempotency-Key": call.key}
        body = None if call.body is None else json.dumps(call.body).encode()
        try:
            async with (
                asyncio.timeout_at(until),
                self._session.request(
                    call.method,
                    self._url + call.path,
                    data=body,
                    headers=headers | ({"Content-Type": "application/json"} if body else {}),
                    allow_redirects=False,  # the key is for this server
                ) as response,
            ):
                answer = await _read(response)
                return answer, reason(answer)
        except (aiohttp.ClientError, TimeoutError) as error:  # whose texts may hold the headers
            return None, type(error).__name__

    def _unknown(self, call: _Call, fault: str, retry_after_s: float | None) -> Unavailable:
        host = urlsplit(self._url).hostname
        detail = f"{call.method} at {host}: no answer that decides within {self._give_up_s:g} s, the last was {fault}"
        remedy = "repeat it with the same `idempotency_key`" if call.key else "repeat it"
        text = f"{detail}: nobody knows whether it was done, {remedy}"
        return Unavailable(text, key=call.key, retry_after_s=retry_after_s)


def _path(request_id: str) -> str:
    return f"/v1/otp/{quote(request_id, safe='')}"


async def _read(response: aiohttp.ClientResponse) -> Answer:
    after = response.headers.get("Retry-After", "")
    return Answer(
        status=response.status,
        kind=response.content_type,
        retry_after_s=float(after) if after.isascii() and after.isdigit() else None,
        body=await response.read(),
    )

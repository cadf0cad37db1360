"""What the contract test needs: a server that answers byte by byte, and how each adapter's provider talks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from ssl import SSLContext
from typing import Final

from multidict import CIMultiDict

from pipeline.errors import (
    AcceptanceUnknown,
    Misconfigured,
    ProviderError,
    Refused,
    Throttled,
    Unavailable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from providers import ADAPTERS
from providers.base import HttpProvider, Surroundings
from providers.seam import Callback, Sms
from tests.providers.courier import CourierProvider
from tests.providers.kinds import Body, Whose
from tests.providers.tokens import PUBLIC_URL, a_token

GUIDE: Final = "providers/ADDING_A_PROVIDER.md"
# What the contract is asked of: every adapter, and the example of what none of them has.
CONTRACTED: Final[Mapping[str, type[HttpProvider]]] = {**ADAPTERS, CourierProvider.adapter: CourierProvider}

CREDENTIAL: Final = b"credential-of-tests"
NUMBER: Final = "+491701234567"
CODE: Final = "482913"
NOW: Final = 1_730_000_000.0
TOKEN: Final = a_token(datetime.fromtimestamp(NOW, tz=UTC))
CALLBACK_URL: Final = f"{PUBLIC_URL}/receipts/one/{TOKEN}"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that refuses a message, in a provider's own words."""

    status: int
    body: bytes
    error: type[ProviderError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How one provider talks, in bytes: `SAMPLE` in the test file of its adapter, `test_<adapter>.py`."""

    settings: ProviderSettings  # without `base_url`; with two `webhook_keys` where callbacks have keys of their own
    accepted: bytes  # the body of a 2xx answer ...
    message_id: str  # ... and the id in it
    refusals: tuple[Refusal, ...]  # one of every class that REFUSALS knows, and more where words come in several forms
    body: Body  # the form of its answers: JSON or TEXT
    # The body of an answer that refuses with this word, which nobody knows; none: its errors are sentences, not words.
    unlisted: Callable[[str], bytes] | None
    receipts: tuple[tuple[bytes, ReceiptState], ...]  # bodies of callbacks, each of one receipt
    genuine: Callable[[bytes], Sequence[Callback]]  # a callback with this body, signed with each key that counts
    proof: str | None  # the header that proves it; none: what proves it is in the body, or nothing but our token does
    whose: Whose  # what tells whose a receipt is
    covers_body: bool = True  # the proof covers the body; false too where there is none
    spec: str | None = None  # the provider's own description of sending, in ../shared/specs
    check_specs: tuple[str, ...] = ()  # those of what `check` asks
    pool: str | None = None  # an id of a pool of senders in the provider's form


def sample(adapter: str) -> Sample:
    """Give the sample of an adapter. Raises LookupError where there is none, with what to write."""
    name = f"tests.providers.test_{adapter.replace('-', '_')}"
    path = f"{name.replace('.', '/')}.py"
    try:
        found = vars(import_module(name)).get("SAMPLE")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise LookupError(f"{path} is missing: write it, with a SAMPLE of how {adapter} talks; {GUIDE}, 4") from None
    if isinstance(found, Sample):
        return found
    raise LookupError(f"{path} has no SAMPLE: write one, a tests.providers.contract.Sample; {GUIDE}, 4")


def a_callback(body: bytes, headers: Mapping[str, str], *, url: str = CALLBACK_URL, method: str = "POST") -> Callback:
    return Callback(method=method, url=url, headers=CIMultiDict(headers), body=body, received_at=NOW)


def unopened(adapter: str) -> HttpProvider:
    """Give an adapter that is only asked for bytes."""
    settings = replace(sample(adapter).settings, base_url="https://provider.test")
    return CONTRACTED[adapter]("one", settings, now=lambda: NOW)


def an_sms(adapter: str | None = None, *, timeout_s: float = 60.0, within_s: float = 60.0) -> Sms:
    """Give a message, and for an adapter that has pools one from a pool: some take letters beside one alone."""
    return Sms(
        attempt_id="request-0123456789.1",
        to=NUMBER,
        text=f"{CODE} is your code.",
        sender="Ithaca",
        pool=sample(adapter).pool if adapter else None,
        country="DE",
        callback_url=CALLBACK_URL,
        reference=TOKEN,
        validity_s=300,
        timeout_s=timeout_s,
        send_before=time.monotonic() + within_s,
    )


@asynccontextmanager
async def a_provider(
    adapter: str, base_url: str, *, in_flight: int = 10, tls: SSLContext | None = None
) -> AsyncIterator[HttpProvider]:
    settings = replace(sample(adapter).settings, base_url=base_url, in_flight=in_flight)
    around = Surroundings(tls=tls) if tls else Surroundings()
    provider = CONTRACTED[adapter]("one", settings, **around)
    try:
        yield provider
    finally:
        await provider.close()


@dataclass(slots=True)
class Seen:
    """What reached the stub."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)  # the first request


@asynccontextmanager
async def a_stub(script: Script, *, tls: SSLContext | None = None) -> AsyncIterator[Seen]:
    """Serve each connection with `script`: it is called once for every request read, until it closes the writer."""
    seen, tasks = Seen(), set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    seen.requests.append(await _request(reader))
                    seen.arrived.set()
                    await script(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    seen.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(sum(int(line.partition(b":")[2]) for line in lengths))


def answers(status: int, body: bytes, *headers: str, content_type: str = "application/json") -> Script:
    """Answer each request the same way, whole and well formed."""
    head = "\r\n".join(
        (f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers, "\r\n")
    )
    return writes(head.encode() + body)


def writes(data: bytes, *, close: bool = False, hang: bool = False) -> Script:
    """Answer each request with these bytes, and no more."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()
        if hang:
            await asyncio.Event().wait()

    return script


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection instead of an answer."""
    writer.transport.abort()


def drips(data: bytes, *, every_s: float = 0.02) -> Script:
    """Answer one byte at a time."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            await writer.drain()
            await asyncio.sleep(every_s)

    return script


@dataclass(slots=True)
class Floods:
    """Begin an answer of endless length; counts what the kernel and the client took of it."""

    written: int = 0

    async def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 9999999999999\r\n\r\n{"id":"')
        while True:
            writer.write(b"7" * 65_536)
            self.written += 65_536
            await writer.drain()


# answers that promise nothing, whatever their status says
NEVER_ACCEPTED: Final[Mapping[str, Script]] = {
    "html": answers(200, b"<!doctype html><h1>It works!</h1>", content_type="text/html"),
    "empty": answers(200, b""),
    "no content": writes(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "truncated JSON": answers(201, b'{"id":"4b'),
    "list": answers(200, b"[]"),
    "null": answers(200, b"null"),
    "no id": answers(200, b'{"status":"ok"}'),
    "empty id": answers(201, b'{"id":""}'),
    "number for an id": answers(201, b'{"id":7}'),
    "object for an id": answers(201, b'{"id":{"id":"x"}}'),
    "deep": answers(200, b'{"id":' * 100_000),
    "1 MB": answers(200, b'{"id":"' + b"7" * (1 << 20) + b'"}'),
    "not UTF-8": answers(200, b'{"id":"\xff\xfe"}'),
    "body shorter than promised": writes(b'HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{"id":"x"}', close=True),
    "chunks that break off": writes(
        b'HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{"id":"x"}\r\nZZ\r\n', close=True
    ),
    "compressed garbage": answers(201, b"\x1f\x8bnot gzip", "Content-Encoding: gzip"),
    "a coding that nobody knows": answers(201, b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"),
    "not HTTP": writes(b"SSH-2.0-OpenSSH_9.6\r\n", close=True),
    "endless headers": writes(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 10_000 + b"\r\n"),
    "closed without an answer": writes(b"", close=True),
    "reset after the request": resets,
    "102 and nothing more": writes(b"HTTP/1.1 102 Processing\r\n\r\n", close=True),
}

# what a status means where the provider says nothing that we know
BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    302: Unavailable,
    400: Refused,
    401: Misconfigured,
    402: Misconfigured,
    403: Misconfigured,
    404: Misconfigured,
    405: Refused,
    408: Unavailable,
    410: Refused,
    418: Refused,
    422: Refused,
    429: Throttled,
    500: Unavailable,
    502: AcceptanceUnknown,
    503: Unavailable,
    504: AcceptanceUnknown,
    599: AcceptanceUnknown,
}

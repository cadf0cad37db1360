"""Provider (what workers see) and HttpProvider (all network I/O of adapters)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from ssl import SSLContext
from typing import ClassVar, Final, Protocol

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from msgspec import Struct

from pipeline.errors import ProviderError, SettingsError
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from providers.fence import FencedBody, failed

MAX_BODY_BYTES: Final = 64 * 1024  # of an answer; more is not read
CONNECT_LIMIT_S: Final = 3.1  # free connection, DNS, TCP and TLS; a lost SYN is repeated after 1 s (RFC 6298)


class Sms(Struct, frozen=True, kw_only=True):
    """One message to hand over. Number and text never show in its `repr`."""

    attempt_id: str  # request id and attempt number, joined by a dot
    to: str  # E.164 with its plus
    text: str
    sender: str | None  # sender ID, where the settings give one for this provider and country
    country: str
    callback_url: str  # where receipts go; holds the token
    reference: str  # the token alone, for providers with one fixed callback URL
    validity_s: int  # what is left of the code's life
    timeout_s: float  # total limit of this hand-over
    send_before: float  # `time.monotonic()` after which no byte may leave: the claim or the life ends

    def __repr__(self) -> str:
        return f"Sms({self.attempt_id})"


class Accepted(Struct, frozen=True, kw_only=True):
    """The provider took the message."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An HTTP request that a provider sent us, as it arrived."""

    method: str
    url: str = field(repr=False)  # the public URL as the provider called it
    headers: Mapping[str, str] = field(repr=False)  # case-insensitive
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReceipt:
    """One delivery receipt in a callback, in our words."""

    state: ReceiptState
    raw: str  # the provider's own word, at most 64 characters
    code: str | None = None
    message_id: str | None = None
    reference: str | None = field(default=None, repr=False)  # our token, where the body carries it


class Provider(Protocol):
    """What workers see of an SMS provider."""

    name: str  # as in the settings, such as carrier-a
    adapter: ClassVar[str]  # as in ADAPTERS, such as carrier

    async def send(self, sms: Sms) -> Accepted:
        """Hand one message over. Raises ProviderError, and nothing else, when it is not certainly accepted."""
        ...

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Verify and read a callback. Raises InvalidMessage, and nothing else."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class HttpRequest(Struct, frozen=True, kw_only=True):
    """What an adapter wants sent. Nothing of it shows in its `repr`: it holds the credential, number and text."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpRequest({self.method})"


class HttpProvider(ABC):
    """A provider with an HTTP API: an adapter turns values into bytes and back, all I/O is here.

    Raises SettingsError where `settings` cannot work. `tls` replaces the system's certificate authorities.
    """

    adapter: ClassVar[str]

    def __init__(self, name: str, settings: ProviderSettings, *, tls: SSLContext | None = None) -> None:
        if settings.credential is None:
            raise SettingsError(f"providers.{name}.credential: missing; set it to the credential of this account")
        if not settings.base_url.startswith(("https://", "http://")):
            raise SettingsError(f"providers.{name}.base_url: not an HTTP address; write https://<host>[/<path>]")
        self.name = name
        self.base_url = settings.base_url.rstrip("/")
        self.credential = settings.credential.reveal()
        self._in_flight = settings.in_flight
        self._tls = tls or True
        self._session: ClientSession | None = None

    @abstractmethod
    def build_request(self, sms: Sms) -> HttpRequest:
        """Give the request that hands this message over. No I/O. May raise ProviderError."""

    @abstractmethod
    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """Read an answer (2xx, 4xx or 5xx; at most 64 kB of its body). Raises ProviderError unless accepted."""

    @abstractmethod
    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Verify the signature in constant time, then read. Raises InvalidMessage, and nothing else."""

    async def send(self, sms: Sms) -> Accepted:
        """Hand one message over. Raises ProviderError, and nothing else, when it is not certainly accepted."""
        body: FencedBody | None = None
        try:
            request = self.build_request(sms)
            body = FencedBody(request.body, sms.send_before)
            return self.read_response(*await self._exchange(request, body, sms.timeout_s))
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - also a defect of an adapter must say whether bytes have left
            failure = failed(error, body)
        raise failure  # outside the handler: the foreign error may quote the credential, so it is not even the context

    async def close(self) -> None:
        """Close the connections. What is still under way fails."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(
        self, request: HttpRequest, body: FencedBody, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        response = await self._client().request(
            request.method,
            request.url,
            data=body,
            headers=request.headers,
            timeout=_limits(timeout_s),
            allow_redirects=False,
        )
        try:
            return response.status, response.headers, await _read(response)
        finally:
            if not response.closed:  # not read to its end: the connection cannot be used again
                response.close()

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=self._in_flight, ssl=self._tls),
                cookie_jar=DummyCookieJar(),
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ithaca-otp"},
            )
        return self._session


async def _read(response: ClientResponse) -> bytes:
    """Read at most 64 kB. Where the status is already an error, a body that breaks off changes nothing."""
    content = response.content
    body = b""
    try:
        while len(body) < MAX_BODY_BYTES and not content.at_eof():
            body += await content.read(MAX_BODY_BYTES - len(body))
    except (ClientError, TimeoutError):
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise
    return body


@lru_cache(maxsize=1024)
def _limits(total_s: float) -> ClientTimeout:
    total_s = max(total_s, 0.001)  # aiohttp takes 0 for no limit
    return ClientTimeout(total=total_s, connect=min(CONNECT_LIMIT_S, total_s), ceil_threshold=math.inf)

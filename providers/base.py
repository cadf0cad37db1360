"""HttpProvider: all network I/O of adapters."""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from ssl import SSLContext
from typing import ClassVar, Final, TypedDict, Unpack
from urllib.request import getproxies_environment

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from msgspec import Struct

from pipeline.errors import ProviderError, SettingsError
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs
from providers.coding import plain
from providers.fence import FencedBody, failed
from providers.proxies import proxy_for
from providers.seam import Accepted, Callback, Capabilities, Finding, ProviderReceipt, Sms

MAX_BODY_BYTES: Final = 64 * 1024  # of an answer; more is not read
CHECK_LIMIT_S: Final = 10.0  # of one question to a provider that sends nothing
CONNECT_LIMIT_S: Final = 3.1  # free connection, DNS, TCP and TLS; a lost SYN is repeated after 1 s (RFC 6298)


class HttpRequest(Struct, frozen=True, kw_only=True):
    """What an adapter wants sent. Nothing of it shows in its `repr`: it holds the credential, number and text."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method})"


class Surroundings(TypedDict, total=False):
    """What an adapter finds around it, unless told otherwise."""

    tls: SSLContext  # in place of the system's certificate authorities
    now: Callable[[], float]  # seconds since 1970, for schemes that sign the time
    proxies: Mapping[str, str]  # in place of what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say


class HttpProvider(ABC):
    """A provider with an HTTP API: an adapter turns values into bytes and back, all I/O is here.

    `settings` were audited against `needs`.
    """

    adapter: ClassVar[str]
    needs: ClassVar[Needs]
    capabilities: ClassVar[Capabilities]

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        if settings.credential is None:
            raise SettingsError(f"providers.{name}.credential: missing; set it to {self.needs.credential}")
        self.name = name
        self.now = surroundings.get("now", time.time)
        self.options = settings.options
        self.base_url = settings.base_url or self.home(settings.options)
        self.credential = settings.credential.reveal()
        self.webhook_keys = tuple(key.reveal() for key in settings.webhook_keys.values())
        self._in_flight = settings.in_flight
        self._tls = surroundings.get("tls", True)
        self._proxies = surroundings.get("proxies", getproxies_environment())
        self._proxy = proxy_for(self.base_url, self._proxies)
        self._session: ClientSession | None = None

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the provider's own address, without a slash at its end, when the settings name none."""
        raise NotImplementedError(f"the adapter {cls.adapter} has no address of its own")

    @abstractmethod
    def build_request(self, sms: Sms) -> HttpRequest:
        """Give the request that hands this message over. No I/O. May raise ProviderError."""

    @abstractmethod
    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """Read an answer (2xx, 4xx or 5xx; at most 64 kB of its body). Raises ProviderError unless accepted."""

    @abstractmethod
    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Verify the signature in constant time, then read. Raises InvalidMessage, and nothing else."""

    @abstractmethod
    def checks(self) -> Mapping[str, HttpRequest]:
        """Give what to ask, and how, to learn whether messages could be sent: nothing of it sends one. No I/O."""

    @abstractmethod
    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """Read the answer to one of `checks`: what the provider says. Raises ProviderError when it says no."""

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Verify and read a callback. Raises InvalidMessage, or ProviderError when what proves it cannot be had."""
        return self.read_receipts(callback)

    async def check(self) -> tuple[Finding, ...]:
        """Ask the provider whether messages could be sent, all questions at once. Raises nothing of its own."""
        questions = self.checks().items()
        return tuple(await asyncio.gather(*(self._find_out(what, request) for what, request in questions)))

    async def _find_out(self, what: str, request: HttpRequest) -> Finding:
        body = FencedBody(request.body, math.inf) if request.body else None
        try:
            return Finding(what=what, detail=self.read_check(what, *await self._exchange(request, body, CHECK_LIMIT_S)))
        except ProviderError as error:
            return Finding(what=what, detail=error.code, error=error)
        except Exception as error:  # noqa: BLE001 - also a defect of an adapter is a finding
            failure = failed(error, body)
            return Finding(what=what, detail=failure.code, error=failure)

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
        self, request: HttpRequest, body: FencedBody | None, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        response = await self._client().request(
            request.method,
            request.url,
            data=body,
            headers=request.headers,
            proxy=self._proxy if request.url.startswith(self.base_url) else proxy_for(request.url, self._proxies),
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
                auto_decompress=False,  # an answer in a coding that aiohttp does not know would lose its status
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ithaca-otp"},
            )
        return self._session


async def _read(response: ClientResponse) -> bytes:
    """Read at most 64 kB. Where the status is already an error, a body that cannot be read changes nothing."""
    content = response.content
    body = b""
    try:
        while len(body) < MAX_BODY_BYTES and not content.at_eof():
            body += await content.read(MAX_BODY_BYTES - len(body))
    except (ClientError, TimeoutError):
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise
    return plain(body, response.headers.get("Content-Encoding", ""), MAX_BODY_BYTES)


@lru_cache(maxsize=1024)
def _limits(total_s: float) -> ClientTimeout:
    total_s = max(total_s, 0.001)  # aiohttp takes 0 for no limit
    return ClientTimeout(total=total_s, connect=min(CONNECT_LIMIT_S, total_s), ceil_threshold=math.inf)

"""Whether bytes have left: the body that knows it, and what a failed exchange therefore means."""

import time
from collections.abc import Mapping
from ssl import SSLError
from typing import Final

from aiohttp import BytesPayload, client_exceptions
from aiohttp.abc import AbstractStreamWriter

from pipeline.errors import AcceptanceUnknown, NotSent, ProviderError, Unavailable


class FencedBody(BytesPayload):
    """The request's body, and the last look at the clock before the bytes leave.

    aiohttp holds the headers back and writes them together with the first bytes of the body, in one call without a
    pause, so that this is the place where all of the request leaves or none of it (a test watches this).
    """

    def __init__(self, value: bytes, send_before: float) -> None:
        super().__init__(value)
        self._send_before = send_before
        self.fenced = False  # our own fence stopped it
        self.left = False  # bytes may be under way

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write everything, once, unless it is too late. `content_length` is the length of all of it."""
        del content_length
        if time.monotonic() >= self._send_before:
            self.fenced = True
            raise NotSent("fence")
        self._consumed = True  # aiohttp repeats an idempotent method on a broken connection, but no consumed body
        self.left = True
        await writer.write(self._value)


# What went wrong, in our words; the most specific class of the error's own ancestry counts. Whether the message
# may have been taken is no property of the error but of the body: has it left?
FAILURES: Final[Mapping[type[BaseException], str]] = {
    client_exceptions.ClientConnectorDNSError: "dns_failed",
    client_exceptions.ClientSSLError: "tls_failed",
    client_exceptions.ServerFingerprintMismatch: "tls_failed",
    client_exceptions.ClientProxyConnectionError: "proxy_unreachable",
    client_exceptions.ClientHttpProxyError: "proxy_refused",  # it did not connect us: no byte of a message has left
    client_exceptions.ClientConnectorError: "connect_failed",
    client_exceptions.ConnectionTimeoutError: "connect_timeout",
    client_exceptions.ServerTimeoutError: "timeout",
    client_exceptions.ServerDisconnectedError: "disconnected",
    client_exceptions.ClientConnectionResetError: "reset",
    client_exceptions.ClientOSError: "reset",
    client_exceptions.ClientConnectionError: "connection_failed",
    client_exceptions.ClientPayloadError: "truncated",
    client_exceptions.UploadAbortedError: "truncated",
    client_exceptions.ClientResponseError: "not_http",
    client_exceptions.InvalidURL: "bad_url",
    client_exceptions.NonHttpUrlClientError: "bad_url",
    client_exceptions.RedirectClientError: "bad_url",
    client_exceptions.WSMessageTypeError: "not_http",
    client_exceptions.ClientError: "connection_failed",
    TimeoutError: "timeout",
    SSLError: "tls_failed",
    OSError: "connection_failed",
    Exception: "defect",  # of an adapter, or of this file
}


def failed(error: Exception, body: FencedBody | None) -> ProviderError:
    """Translate what went wrong on the way to an answer. No text of the foreign error travels on."""
    word = next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES)
    if body is None or not (body.fenced or body.left):
        return Unavailable(word)
    return NotSent("fence") if body.fenced else AcceptanceUnknown(word)

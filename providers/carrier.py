"""The simulated mobile operator of `workers/embedded/carrier`, and the model for every other adapter."""

import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ssl import SSLContext
from typing import ClassVar, Final

import orjson

from pipeline.errors import (
    DeadReason,
    InvalidMessage,
    Malformed,
    Misconfigured,
    ProviderError,
    Rejected,
    Scope,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from providers.answers import accepted, read_object, refusal
from providers.base import Accepted, Callback, HttpProvider, HttpRequest, ProviderReceipt, Sms

# The carrier's error words; any other means what the status means.
REFUSALS: Final[Mapping[str, Callable[[str], ProviderError]]] = {
    "invalid_number": Rejected,
    "opted_out": Rejected,
    "blocked_as_fraud": Rejected,
    "not_reachable_from_here": Undeliverable,
    "sender_refused": lambda word: Misconfigured(word, scope=Scope.ROUTE),
    "country_refused": lambda word: Misconfigured(word, scope=Scope.ROUTE),
    "no_funds": Misconfigured,
    "bad_request": Malformed,
}

# The carrier's words in receipts; any other is UNKNOWN.
STATES: Final[Mapping[str, ReceiptState]] = {
    "enroute": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "undelivered": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.REJECTED,
}

MAX_WORD_LENGTH: Final = 64


class CarrierProvider(HttpProvider):
    """Bearer token, one JSON POST per message, receipts to the callback URL, signed with the same token."""

    adapter: ClassVar[str] = "carrier"

    def __init__(self, name: str, settings: ProviderSettings, *, tls: SSLContext | None = None) -> None:
        super().__init__(name, settings, tls=tls)
        self._url = f"{self.base_url}/v1/messages"
        self._headers = {"Authorization": f"Bearer {self.credential.decode()}", "Content-Type": "application/json"}

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /v1/messages`; our attempt id travels as `client_reference`."""
        message = {
            "to": sms.to,
            "text": sms.text,
            "from": sms.sender,
            "callback_url": sms.callback_url,
            "client_reference": sms.attempt_id,
            "validity_s": sms.validity_s,
        }
        return HttpRequest(url=self._url, headers=self._headers, body=orjson.dumps(message))

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`201 {"id": ...}`, or an error status with `{"error": <word>}`."""
        answer = read_object(body)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return accepted(answer.get("id"))
        word = answer.get("error")
        if isinstance(word, str) and word in REFUSALS and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise REFUSALS[word](word)
        raise refusal(status, headers)

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback, `{"id", "state", "error"}`; `X-Carrier-Signature` is the HMAC-SHA256 in hex.

        Our token stands in the URL, so no reference is read from the body.
        """
        expected = hmac.digest(self.credential, callback.body, "sha256").hex()
        given = callback.headers.get("X-Carrier-Signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "`X-Carrier-Signature` is missing or not of this account")
        receipt = read_object(callback.body)
        state, error, message_id = receipt.get("state"), receipt.get("error"), receipt.get("id")
        if not isinstance(state, str):
            raise InvalidMessage(DeadReason.INVALID_FIELD, "`state` is missing or not a string")
        return (
            ProviderReceipt(
                state=STATES.get(state, ReceiptState.UNKNOWN),
                raw=state[:MAX_WORD_LENGTH],
                code=error[:MAX_WORD_LENGTH] if isinstance(error, str) else None,
                message_id=message_id[:MAX_WORD_LENGTH] if isinstance(message_id, str) else None,
            ),
        )

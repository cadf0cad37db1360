"""The simulated mobile operator of `ithaca up`, and the model for every other adapter."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Final, Unpack

import orjson

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.defaults import SIMULATED
from pipeline.settings.needs import Needs
from providers.answers import accepted, is_success, read_answer, read_object, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.callbacks import check_signature, receipt_codes, receipt_word, reference_in, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# The carrier's error words; any other means what the status means.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_number": Rejected,
    "opted_out": Rejected,
    "blocked_as_fraud": Rejected,
    "not_reachable_from_here": Undeliverable,
    "sender_refused": RouteRefused,
    "country_refused": RouteRefused,
    "no_funds": Misconfigured,
    "bad_request": Refused,
    "bad_text": Malformed,
}

# The carrier's words in receipts; any other is UNKNOWN.
STATES: Final[Mapping[str, ReceiptState]] = {
    "enroute": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    **dict.fromkeys(("undelivered", "rejected"), ReceiptState.UNDELIVERABLE),
}
# The error word of a failure, of the list above.
CODES: Final = receipt_codes(REFUSALS)


class CarrierProvider(HttpProvider):
    """Bearer token, one JSON POST per message, receipts to the callback URL, signed with the same token."""

    adapter: ClassVar[str] = "carrier"
    needs: ClassVar[Needs] = SIMULATED["carrier"]
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds",
        receipts="callback URL of each message",
        proof="HMAC-SHA256 over the body, keyed with the bearer token",
        check="credential",
        rotation="none",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
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
        """`201 {"id": ...}`, or `{"error": <word>}`, which refuses whatever the status is."""
        answer = read_answer(body)
        if is_success(status) and not answer.get("error"):
            return accepted(answer.get("id"))
        raise refused(REFUSALS, [answer.get("error")], status, headers)

    def checks(self) -> Mapping[str, HttpRequest]:
        """`GET /v1/account`."""
        return {"credential": HttpRequest(method="GET", url=f"{self.base_url}/v1/account", headers=self._headers)}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"account": ...}`."""
        del what
        if status != HTTPStatus.OK:
            raise refusal(status, headers)
        return f"account {short(read_answer(body).get('account'))}"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback, `{"id", "state", "error", "reference"}`, and the HMAC-SHA256 of it in hex.

        The reference is the last part of the callback URL, our token.
        """
        expected = hmac.digest(self.credential, callback.body, "sha256").hex()
        check_signature("X-Carrier-Signature", callback.headers, [expected])
        receipt = read_object(callback.body)
        word, code = receipt_word(receipt, "state"), short(receipt.get("error"))
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, CODES),
                raw=word,
                code=code,
                message_id=short(receipt.get("id")),
                reference=reference_in(receipt, "reference"),
            ),
        )

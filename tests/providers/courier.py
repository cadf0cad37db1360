"""The adapter of a provider that does not exist: plain text for answers, and callbacks that nothing signs."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Final, Unpack
from urllib.parse import urlencode

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs, SenderNeeds
from providers.answers import accepted, is_success, read_text, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.callbacks import form, receipt_codes, receipt_word, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# The numbers behind ERR; any other means what the status means.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    **dict.fromkeys(("105", "106"), Rejected),
    "110": Malformed,
    "120": RouteRefused,
    **dict.fromkeys(("201", "202"), Misconfigured),
    "300": Throttled,
    "400": Refused,
    "500": Unavailable,
}

# The words of receipts; any other is UNKNOWN.
STATES: Final[Mapping[str, ReceiptState]] = {
    "SENT": ReceiptState.ENROUTE,
    "DELIVRD": ReceiptState.DELIVERED,
    "EXPIRED": ReceiptState.EXPIRED,
    **dict.fromkeys(("UNDELIV", "REJECTD"), ReceiptState.UNDELIVERABLE),
}
# `err` of a failure, of the list above.
CODES: Final = receipt_codes(REFUSALS)

TEXT: Final = "text/plain"
_TAKEN: Final = re.compile(r"OK (\S+)")
# A number, or a word of next year; the first word of a sentence is neither, and the sentence may quote ours.
_REFUSED: Final = re.compile(r"ERR\b ?(\S*[0-9_]\S*)?")


class CourierProvider(HttpProvider):
    """User and password in each form POST, plain text back, receipts to the callback URL, which nothing signs."""

    adapter: ClassVar[str] = "courier"
    needs: ClassVar[Needs] = Needs(
        credential="the API password",
        required={"user": "the API user"},
        sender=SenderNeeds(required=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="minutes, from 1",
        receipts="callback URL of each message",
        proof="our token in the callback URL; no signature",
        check="credential with its balance",
        rotation="none",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._account = {"user": self.options["user"], "password": self.credential}
        self._headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": TEXT}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the one address that there is."""
        del options
        return "https://api.courier.example"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /send`."""
        if not sms.sender:
            raise RouteRefused("no_sender")
        message = {
            **self._account,
            "to": sms.to.removeprefix("+"),
            "from": sms.sender,
            "text": sms.text,
            "dlr_url": sms.callback_url,
            "validity": max(sms.validity_s // 60, 1),
        }
        return HttpRequest(url=f"{self.base_url}/send", headers=self._headers, body=urlencode(message).encode())

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`OK <id>`, or `ERR <code> <sentence>`."""
        text = read_text(body)
        taken, no = _TAKEN.match(text), _REFUSED.match(text)
        if is_success(status) and not no:
            return accepted(taken and taken[1])
        raise refused(REFUSALS, [no and no[1]], status, headers)

    def checks(self) -> Mapping[str, HttpRequest]:
        """`POST /balance`."""
        body = urlencode(self._account).encode()
        return {"credential": HttpRequest(url=f"{self.base_url}/balance", headers=self._headers, body=body)}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`OK 9.20`."""
        del what
        found = _TAKEN.match(read_text(body))
        if status != HTTPStatus.OK or not found:
            raise refusal(status, headers)
        return f"balance {short(found[1])} EUR"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback: `id`, `status`, `err`. Nothing signs it, and our token is in the URL alone."""
        fields = dict(form(callback))
        word, code = receipt_word(fields, "status"), short(fields.get("err"))
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, CODES),
                raw=word,
                code=code or None,
                message_id=short(fields.get("id")),
            ),
        )

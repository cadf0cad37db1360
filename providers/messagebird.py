"""MessageBird (Bird), its classic REST API. Pages: https://developers.messagebird.com/api/sms-messaging/."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack

import jwt
import msgspec
import orjson
from jwt.types import Options

from pipeline.errors import Misconfigured, ProviderError, Refused, RouteRefused, Unavailable, Undeliverable
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs, SenderNeeds
from providers.answers import accepted, inner, is_success, objects, read_answer, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed
from providers.callbacks import UNPUBLISHED_S, forged, form, is_timely, receipt_word, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://developers.messagebird.com/api/, and the states of a message that was not even taken.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    **dict.fromkeys(("2", "20", "25", "98"), Misconfigured),
    **dict.fromkeys(("9", "10", "21"), Refused),  # missing, invalid, bad: the parameter tells what
    "99": Unavailable,  # mostly with a 5xx, where the status decides
    "delivery_failed": Undeliverable,
    "expired": Refused,
}
FAILED: Final = frozenset({"delivery_failed", "expired"})

# The parameters as errors name them, https://developers.messagebird.com/api/sms-messaging/#send-outbound-sms
FIELDS: Final[Mapping[str, Part]] = {
    "originator": Part.SENDER,
    **dict.fromkeys(("reporturl", "reference"), Part.CALLBACK),
    **dict.fromkeys(("recipient", "recipients"), Part.RECIPIENT),
    "body": Part.TEXT,
}

# https://developers.messagebird.com/api/sms-messaging/, the statuses of a message.
STATES: Final[Mapping[str, ReceiptState]] = {
    **dict.fromkeys(("scheduled", "sent", "buffered"), ReceiptState.ENROUTE),
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "delivery_failed": ReceiptState.UNDELIVERABLE,
}
# `statusErrorCode` of a failure that is the subscriber's own: unknown, illegal, without SMS, with a barred phone.
# https://docs.bird.com/api/channels-api/message-status-and-interactions/message-failure-sources/sms-platform-extended-error-codes
CODES: Final = dict.fromkeys(("1", "9", "11", "12"), ReceiptState.REJECTED)

# https://developers.messagebird.com/docs/verify-http-requests. The times are compared here, with the arrival.
# Repeats have been seen to come 4 hours later with the first time, long after its `exp`, so that `nbf` alone counts.
REPEATS_S: Final = UNPUBLISHED_S
SIGNATURE: Final = "MessageBird-Signature-JWT"
ALGORITHMS: Final = ("HS256", "HS384", "HS512")
ISSUER: Final = "MessageBird"
_OPTIONS: Final[Options] = {"verify_nbf": False, "verify_exp": False, "verify_iat": False}


class _Claims(msgspec.Struct, frozen=True):
    """What MessageBird signs of a request."""

    nbf: int  # seconds since 1970: when it was signed
    exp: int  # of the first attempt
    jti: str
    url_hash: str
    payload_hash: str | None = None  # none: there is no body


class MessageBirdProvider(HttpProvider):
    """An access key, one JSON POST per message, receipts as GET of the callback URL, with a JWT that covers it."""

    adapter: ClassVar[str] = "messagebird"
    needs: ClassVar[Needs] = Needs(
        credential="an access key",
        webhook_keys="the signing keys of callbacks, which are not access keys: the present one and the one before it",
        sender=SenderNeeds(required=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, from 1",
        receipts="callback URL of each message",
        proof="JWT with an HMAC over URL, body, time (3 days) and a nonce, keyed with the signing key",
        check="credential, balance",
        rotation="several access keys at once",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._url = f"{self.base_url}/messages"
        authorization = {"Authorization": f"AccessKey {self.credential.decode()}"}
        self._headers = {**authorization, "Content-Type": "application/json"}
        self._balance = HttpRequest(method="GET", url=f"{self.base_url}/balance", headers=authorization)

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the one address there is."""
        del options
        return "https://rest.messagebird.com"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /messages`. Without a reference no receipt would come; its longest form is not documented."""
        if not sms.sender:
            raise RouteRefused("no_sender")
        message = {
            "originator": sms.sender,
            "recipients": [sms.to.removeprefix("+")],
            "body": sms.text,
            "type": "sms",
            "datacoding": "auto",
            "validity": max(sms.validity_s, 1),
            "reference": sms.reference.rpartition(".")[2],
            "reportUrl": sms.callback_url,
        }
        return HttpRequest(url=self._url, headers=self._headers, body=orjson.dumps(message))

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`201 {"id", "recipients": {"items": [{"status"}]}}`, or `{"errors": [{"code", "parameter"}]}`."""
        answer = read_answer(body)
        if not is_success(status) or _words(answer):
            raise _refused(answer, status, headers)
        return accepted(answer.get("id"))

    def checks(self) -> Mapping[str, HttpRequest]:
        """`GET /balance` for both."""
        return {"credential": self._balance, "balance": self._balance}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"payment": "prepaid", "type": "credits", "amount": 9.2}`."""
        answer = read_answer(body)
        if status != HTTPStatus.OK:
            raise _refused(answer, status, headers)
        if what == "credential":
            return "accepted"
        return " ".join(["balance", *filter(None, (short(answer.get(name)) for name in ("amount", "type", "payment")))])

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback, in the query of the URL, which holds our token and is signed as a whole."""
        claims = self._verified(callback)
        query = callback.url.partition("?")[2].encode(errors="surrogatepass")
        fields = dict(form(replace(callback, body=query)))
        word, code = receipt_word(fields, "status"), short(fields.get("statusErrorCode")) or None
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, CODES),
                raw=word,
                code=code,
                message_id=short(fields.get("id")),
                nonce=claims.jti,
            ),
        )

    def _verified(self, callback: Callback) -> _Claims:
        """Give the claims of the token, once they are of this very request and time."""
        claims = self._claims(callback.headers.get(SIGNATURE, ""))
        if not is_timely(claims.nbf, callback.received_at, REPEATS_S):
            raise forged(f"`{SIGNATURE}` is too old or too new")
        if claims.url_hash != sha256(callback.url.encode(errors="surrogatepass")).hexdigest():
            raise forged(f"`{SIGNATURE}` is of another URL")
        if claims.payload_hash != (sha256(callback.body).hexdigest() if callback.body else None):
            raise forged(f"`{SIGNATURE}` is of another body")
        return claims

    def _claims(self, token: str) -> _Claims:
        """Give what is signed with one of the keys."""
        for key in self.webhook_keys:
            with suppress(jwt.PyJWTError, ValueError):  # ValueError: not Unicode, or claims of another form
                return msgspec.convert(jwt.decode(token, key, ALGORITHMS, _OPTIONS, issuer=ISSUER), _Claims)
        raise forged(f"`{SIGNATURE}` is missing or not of this account")


def _words(answer: Mapping[str, Any]) -> list[str | None]:
    """Give what refuses: the codes of all errors, or the state of a message that failed at once."""
    codes = [short(error.get("code")) for error in objects(answer.get("errors"))]
    state = short(inner(answer.get("recipients"), "items").get("status"))
    return codes or ([state] if state in FAILED else [])


def _refused(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    parameters = [error.get("parameter") for error in objects(answer.get("errors"))]
    return refused(REFUSALS, _words(answer), status, headers, blamed(FIELDS, parameters))

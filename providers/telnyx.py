"""Telnyx Messaging, API version 2."""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from urllib.parse import quote

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    SettingsError,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs, SenderNeeds
from providers.answers import accepted, inner, is_success, objects, read_answer, read_object, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed
from providers.callbacks import (
    UNPUBLISHED_S,
    forged,
    is_timely,
    receipt_codes,
    receipt_word,
    reference_in,
    state_of,
)
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://developers.telnyx.com/docs/messaging/messages/error-codes/index
_CODES: Final[Mapping[type[ProviderError], str]] = {
    Rejected: "40012 40310",  # no number that there is
    Undeliverable: "40001 40002 40004 40008 40301 40319",  # no route, a carrier's no, or not for this kind of `to`
    RouteRefused: (
        "40003 40015 40017 40322 "  # blocked as spam
        "40010 40013 40100 40150 40151 40305 40306 40315 40320 40321 40329 "  # `from` is not (yet) good for this
        "40300 40309 40311 40312 40313"  # a block rule, the profile's countries, secret or switch
    ),
    Misconfigured: "10009 10010 20002 20006 20012 20013 20014 20015 20016 20017 20100 40314",
    Throttled: "10011 40011 40016 40018 40318",
    Unavailable: "10007 10008 40005 40006 40014",
    Malformed: "40009 40302 40304 40316 40317 40328",  # its letters, its length, or there is none
    Refused: "10001 10002 10003 10004 10005 10006 10015 10016",  # something in the request: its pointer tells what
}
REFUSALS: Final = {code: kind for kind, codes in _CODES.items() for code in codes.split()}

# The fields as pointers name them, such as `/to/0`: https://developers.telnyx.com/api-reference/messages/send-a-message
FIELDS: Final[Mapping[str, Part]] = {
    "from": Part.SENDER,
    "messaging_profile_id": Part.PROFILE,
    **dict.fromkeys(("webhook_url", "use_profile_webhooks"), Part.CALLBACK),
    "to": Part.RECIPIENT,
    "text": Part.TEXT,
}
# States of a message that was not even taken.
FAILED: Final = frozenset({"sending_failed", "delivery_failed", "expired"})
OPTED_OUT: Final = {**REFUSALS, "40300": Rejected}  # what it says where it speaks of the recipient's STOP
_NUMBER: Final = re.compile(r"\+?[0-9]+")
_STOP: Final = re.compile(r"\bSTOP\b|\b(?i:stop message)\b")

# https://developers.telnyx.com/api-reference/callbacks/delivery-update
EVENTS: Final = frozenset({"message.sent", "message.finalized"})
STATES: Final[Mapping[str, ReceiptState]] = {
    "queued": ReceiptState.ENROUTE,
    "sending": ReceiptState.ENROUTE,
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    **dict.fromkeys(("sending_failed", "delivery_failed"), ReceiptState.UNDELIVERABLE),
    "expired": ReceiptState.EXPIRED,
    "delivery_unconfirmed": ReceiptState.UNKNOWN,
}
# `errors[].code` of a failure, of the list above: 40005 expired on its way, 40014 before it left.
CODES: Final = receipt_codes(REFUSALS, expired=("40005", "40014"))
STOPPED: Final = "40300"  # blocked: by its recipient where the words say STOP, else by a rule

# https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks: three attempts, it does not say when.
REPEATS_S: Final = UNPUBLISHED_S
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class TelnyxProvider(HttpProvider):
    """Bearer key, one JSON POST per message, receipts to the callback URL, signed with Ed25519.

    The pool is a messaging profile; an alphanumeric sender needs one beside it.
    """

    adapter: ClassVar[str] = "telnyx"
    needs: ClassVar[Needs] = Needs(
        credential="an API key (it begins with KEY)",
        webhook_keys="the account's public key (Base64) that the portal shows beside its API keys",
        sender=SenderNeeds(required=True, pool="the id of a messaging profile", pool_alone=True, letters_in_pool=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="none",
        receipts="callback URL of each message",
        proof="Ed25519 over time and body, 3 days; the signed body repeats the callback URL",
        check="credential with its balance; each messaging profile",
        rotation="several API keys at once",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        where = f"providers.{name}.webhook_keys"
        self._keys = [_public_key(f"{where}.{kid}", key.reveal()) for kid, key in settings.webhook_keys.items()]
        self._profiles = sorted(set(settings.pools.values()))
        self._url = f"{self.base_url}/messages"
        self._headers = {"Authorization": f"Bearer {self.credential.decode()}", "Content-Type": "application/json"}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the one address that there is."""
        del options
        return "https://api.telnyx.com/v2"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /messages`, from a profile or a number of ours. It has no field for a validity."""
        if not (sms.pool or _NUMBER.fullmatch(sms.sender or "")):
            raise RouteRefused("no_sender")
        message = {
            "to": sms.to,
            "text": sms.text,
            "type": "SMS",
            "encoding": "auto",
            "webhook_url": sms.callback_url,
            "use_profile_webhooks": False,
        }
        if sms.pool:
            message["messaging_profile_id"] = sms.pool
        if sms.sender:
            message["from"] = sms.sender
        return HttpRequest(url=self._url, headers=self._headers, body=orjson.dumps(message))

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`200 {"data": {"id": ...}}`, or `{"errors": [{"code", "title", "detail", "source"}]}` at either level."""
        answer = read_answer(body)
        message = inner(answer, "data")
        errors = [*objects(answer.get("errors")), *objects(message.get("errors"))]
        state = inner(message, "to").get("status")
        failed = [state] if isinstance(state, str) and state in FAILED else []
        if not is_success(status) or errors or failed:
            raise _refused(errors, failed, status, headers)
        return accepted(message.get("id"))

    def checks(self) -> Mapping[str, HttpRequest]:
        """`GET /balance`, and `GET /messaging_profiles/{id}` of each pool."""
        paths = {"credential": "/balance"}
        paths |= {f"sender {one}": f"/messaging_profiles/{quote(one, safe='')}" for one in self._profiles}
        return {
            what: HttpRequest(method="GET", url=f"{self.base_url}{path}", headers=self._headers)
            for what, path in paths.items()
        }

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """Read `{"data": {...}}`: the balance, or where a profile may send and in which form it reports."""
        if status != HTTPStatus.OK:
            lost = what != "credential" and status == HTTPStatus.NOT_FOUND
            raise RouteRefused(f"http_{status}") if lost else refusal(status, headers)
        data = inner(read_answer(body), "data")
        if what == "credential":
            return f"balance {short(data.get('balance'))} {short(data.get('currency'))}"
        if data.get("enabled") is False:
            raise RouteRefused("40312")  # what a message would be answered
        countries = orjson.dumps(data.get("whitelisted_destinations")).decode()
        return f"countries {short(countries)}, webhooks of version {short(data.get('webhook_api_version'))}"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per event: `message.sent` and `message.finalized`; other events are none.

        The signature does not cover the URL, but the body repeats the one the message was given: it ends in our token.
        """
        self._verify(callback)
        data = inner(read_object(callback.body), "data")
        if receipt_word(data, "event_type") not in EVENTS:
            return ()
        payload = inner(data, "payload")
        word, error = receipt_word(inner(payload, "to"), "status"), inner(payload, "errors")
        code = short(error.get("code"))
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, _codes(error)),
                raw=word,
                code=code,
                message_id=short(payload.get("id")),
                reference=reference_in(payload, "webhook_url").rpartition("/")[2],
                nonce=short(data.get("id")),
            ),
        )

    def _verify(self, callback: Callback) -> None:
        time = callback.headers.get("Telnyx-Timestamp", "")
        if not _SECONDS.fullmatch(time) or not is_timely(int(time), callback.received_at, REPEATS_S):
            raise forged("`Telnyx-Timestamp` is missing, too old or too new")
        given = callback.headers.get("Telnyx-Signature-Ed25519", "")
        signed = b"%b|%b" % (time.encode(), callback.body)
        if not any(_is_signed(key, given, signed) for key in self._keys):
            raise forged("`Telnyx-Signature-Ed25519` is missing or not of this account")


def _public_key(where: str, text: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))
    except ValueError:
        raise SettingsError(f"{where}: not the Base64 of 32 bytes; copy the public key from the portal") from None


def _codes(error: Mapping[str, Any]) -> Mapping[str, ReceiptState]:
    stopped = _STOP.search(f"{error.get('title')} {error.get('detail')}")
    return {**CODES, STOPPED: ReceiptState.REJECTED} if stopped else CODES


def _is_signed(key: Ed25519PublicKey, given: str, signed: bytes) -> bool:
    try:
        key.verify(b64decode(given, validate=True), signed)
    except (ValueError, InvalidSignature):
        return False
    return True


def _refused(
    errors: Sequence[Mapping[str, Any]], failed: Sequence[str], status: int, headers: Mapping[str, str]
) -> ProviderError:
    """Give what all errors of an answer stand for, or a message that failed at once."""
    words = [*(short(error.get("code")) for error in errors), *failed]
    pointers = [inner(error, "source").get(name) for error in errors for name in ("pointer", "parameter")]
    stopped = any(_STOP.search(f"{error.get('title')} {error.get('detail')}") for error in errors)
    return refused(OPTED_OUT if stopped else REFUSALS, words, status, headers, blamed(FIELDS, pointers))

"""Vonage: its older SMS API, https://developer.vonage.com/en/api/sms."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from urllib.parse import urlencode

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
from pipeline.text import segments
from providers.answers import accepted, is_success, objects, read_answer, read_object, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed_in_words
from providers.callbacks import check_signature, forged, form, receipt_word, reference_in
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://developer.vonage.com/en/api-errors/sms
_CODES: Final[Mapping[type[ProviderError], str]] = {
    Rejected: "7 33 34",
    Undeliverable: "6 17",
    RouteRefused: "15 23",  # sender, callback
    Misconfigured: "4 8 9 11 14 19 29",
    Throttled: "1",
    Unavailable: "5 10 13",
    Malformed: "12",  # too long
    Refused: "2 3 16 20 22 32",  # something in the request: of 2 and 3 the text tells what, in words
}
REFUSALS: Final = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
FIELDS: Final[Mapping[str, Part]] = {
    "from": Part.SENDER,
    **dict.fromkeys(("callback", "client-ref"), Part.CALLBACK),
    **dict.fromkeys(("entity-id", "content-id"), Part.PROFILE),
    "to": Part.RECIPIENT,
    "text": Part.TEXT,
}

# https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts
STATES: Final[Mapping[str, ReceiptState]] = {
    "accepted": ReceiptState.ENROUTE,
    "buffered": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "failed": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.REJECTED,
}

# https://developer.vonage.com/en/api/sms
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
SHORTEST_VALIDITY_S: Final = 20
LONGEST_VALIDITY_S: Final = 604_800
LONGEST_CALLBACK: Final = 100  # characters
LONGEST_NAME: Final = 20  # of the account: it is part of our token, which must fit the reference
LONGEST_REFERENCE: Final = 100  # characters; it was 40

# https://developer.vonage.com/en/getting-started/concepts/signing-messages
METHODS: Final = ("sha256", "sha1", "sha512", "md5")  # the default first
WINDOW_S: Final = 300.0
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_TO_SIGN: Final = str.maketrans("&=", "__")


class VonageSmsProvider(HttpProvider):
    """API key and secret in each form POST, receipts signed by an HMAC over their fields.

    The API takes no callback URL above 100 characters. Without one it reports to the account's address, which must
    then be `.../receipts/<name>`.
    """

    adapter: ClassVar[str] = "vonage-sms"
    needs: ClassVar[Needs] = Needs(
        credential="the API secret",
        required={"api_key": "the account's API key"},
        optional={"signature_method": "of callbacks: sha256 (default), sha1, sha512 or md5, as in the account"},
        webhook_keys="the signature secret that the account's settings show, and not the API secret",
        sender=SenderNeeds(required=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 20 to 604800",
        receipts="callback URL of each message; above 100 characters: the account's, .../receipts/<name>",
        proof="HMAC over the fields, 300 s",
        check="credential: the balance",
        rotation="two API secrets at once",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._method = self.options.get("signature_method", METHODS[0])
        if self._method not in METHODS:
            raise SettingsError(f"providers.{name}.options.signature_method: not known; write {' or '.join(METHODS)}")
        if len(name) > LONGEST_NAME:
            raise SettingsError(f"providers.{name}: is too long a name for the reference; write at most {LONGEST_NAME}")
        self._api_key = self.options["api_key"]
        self._url = f"{self.base_url}/sms/json"
        self._balance_url = f"{self.base_url}/account/get-balance"
        self._account = urlencode({"api_key": self._api_key, "api_secret": self.credential})
        basic = b64encode(self._api_key.encode() + b":" + self.credential).decode()
        self._basic = {"Authorization": f"Basic {basic}"}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """`rest.nexmo.com`: there is one for all."""
        del options
        return "https://rest.nexmo.com"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /sms/json`. It knows no pool of senders."""
        if not sms.sender:
            raise RouteRefused("no_sender")
        validity_s = min(max(sms.validity_s, SHORTEST_VALIDITY_S), LONGEST_VALIDITY_S)
        message = {
            "from": sms.sender.removeprefix("+"),
            "to": sms.to.removeprefix("+"),
            "text": sms.text,
            "type": "text" if _is_gsm7(sms.text) else "unicode",
            "ttl": validity_s * 1000,
            **_ways_back(sms),
            **_ids(sms),
        }
        return HttpRequest(url=self._url, headers=FORM, body=f"{self._account}&{urlencode(message)}".encode())

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`200 {"messages": [...]}`: each part has a status, and an id where that is 0.

        A text of which one part was refused cannot be read, so it counts as refused.
        """
        parts = objects(read_answer(body).get("messages"))
        said = [short(part.get("status")) for part in parts]
        words = [word for word in said if word not in {"0", None}]
        if is_success(status) and not words:
            return accepted(parts[0].get("message-id") if parts and None not in said else None)
        raise refused(REFUSALS, words, status, headers, blamed_in_words(FIELDS, _sentence(parts)))

    def checks(self) -> Mapping[str, HttpRequest]:
        """Ask for the balance."""
        return {"credential": HttpRequest(method="GET", url=self._balance_url, headers=self._basic)}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"value"}` in euros."""
        del what
        if status != HTTPStatus.OK:
            raise refusal(status, headers)
        return f"balance {short(read_answer(body).get('value'))} EUR"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback. Its URL is not signed: the reference is what came back as `client-ref`."""
        fields = _fields(callback)
        self._verify(fields, callback.received_at)
        word, error = receipt_word(fields, "status"), fields.get("err-code")
        receipt = ProviderReceipt(
            state=STATES.get(word, ReceiptState.UNKNOWN),
            raw=word,
            code=None if error in {"", "0"} else short(error),
            message_id=short(fields.get("messageId")),
            reference=reference_in(fields, "client-ref"),
            nonce=short(fields.get("nonce")),
        )
        return (receipt,)

    def _verify(self, fields: Mapping[str, str], now: float) -> None:
        signed = "".join(f"&{name}={fields[name].translate(_TO_SIGN)}" for name in sorted(fields) if name != "sig")
        expected = [hmac.digest(key, signed.encode(), self._method).hex() for key in self.webhook_keys]
        check_signature("sig", {"sig": fields.get("sig", "").lower()}, expected)
        time = fields.get("timestamp", "")
        if not _SECONDS.fullmatch(time) or abs(now - int(time)) > WINDOW_S:
            raise forged("`timestamp` is missing, too old or too new")
        if fields.get("api-key", self._api_key) != self._api_key:
            raise forged("`api-key` is another's")


def _sentence(parts: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(text for part in parts if isinstance(text := part.get("error-text"), str))


def _ways_back(sms: Sms) -> dict[str, str]:
    """Give the callback URL where it fits, and of the reference what is needed beside it."""
    reference = sms.reference.rpartition(".")[2]
    if len(sms.callback_url) <= LONGEST_CALLBACK:
        return {"callback": sms.callback_url, "client-ref": reference}
    return {"client-ref": sms.reference if len(sms.reference) <= LONGEST_REFERENCE else reference}


def _ids(sms: Sms) -> dict[str, str]:
    """Give the ids of what India's registry gave."""
    ids = {
        "entity-id": sms.registrations.get("dlt_entity_id"),
        "content-id": sms.registrations.get("dlt_template_id"),
    }
    return {name: value for name, value in ids.items() if value}


def _is_gsm7(text: str) -> bool:
    """Tell whether all characters are of GSM-7: any 71 of them are then one segment; in UCS-2 they are two."""
    return all(segments(text[at : at + 71].ljust(71)) == 1 for at in range(0, len(text), 71))


def _fields(callback: Callback) -> dict[str, str]:
    """Give the fields of a JSON POST, a form POST or a GET. Raises InvalidMessage.

    A name that holds `&` or `=`, or comes twice, could make another callback of what was signed.
    """
    fields = {name: str(value) for name, value in read_object(callback.body).items()}
    if not fields:
        query = callback.url.partition("?")[2].encode(errors="surrogatepass")
        pairs = form(replace(callback, body=callback.body or query))
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise forged("a name comes twice")
    if any("&" in name or "=" in name for name in fields):
        raise forged("a name holds what separates names")
    return fields

"""Vonage: its older SMS API, https://developer.vonage.com/en/api/sms."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import md5
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from urllib.parse import urlencode

from pipeline.errors import (
    Malformed,
    Misconfigured,
    NotSent,
    ProviderError,
    Refused,
    Rejected,
    RouteRefused,
    SettingsError,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.message.text import segments
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs, SenderNeeds
from providers.answers import accepted, is_success, objects, read_answer, read_object, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed_in_words
from providers.callbacks import (
    check_signature,
    forged,
    form,
    is_timely,
    receipt_word,
    reference_in,
    state_of,
)
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
    **dict.fromkeys(("failed", "rejected"), ReceiptState.UNDELIVERABLE),
}
# `err-code` of a failure, on the same page: absent for good, barred by the user, an illegal number. 9 is also what an
# opted-out number gets: https://developer.vonage.com/en/opt-out-assist/guides/messaging-opted-out-numbers
CODES: Final = dict.fromkeys(("3", "4", "9"), ReceiptState.REJECTED)

# https://developer.vonage.com/en/api/sms
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
SHORTEST_VALIDITY_S: Final = 20
LONGEST_VALIDITY_S: Final = 604_800
LONGEST_CALLBACK: Final = 100  # characters
LONGEST_REFERENCE: Final = 100  # characters; it was 40

# https://developer.vonage.com/en/getting-started/concepts/signing-messages
MD5_HASH: Final = "md5hash"  # no HMAC: MD5 over the fields and the secret, which accounts have until another is chosen
METHODS: Final = ("sha256", "sha1", "sha512", "md5", MD5_HASH)  # our default first
# https://developer.vonage.com/en/getting-started/concepts/webhooks: what is not taken is repeated for 24 hours.
REPEATS_S: Final = 86_400.0
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_TO_SIGN: Final = str.maketrans("&=", "__")


class VonageSmsProvider(HttpProvider):
    """API key and secret in each form POST, receipts signed over their fields.

    Each part of a long text has a receipt of its own. None says which part it is and of how many: the best one counts.
    The API takes no callback URL above 100 characters. Without one it reports to the account's address, which must
    then be `.../receipts/<name>`.
    """

    adapter: ClassVar[str] = "vonage-sms"
    needs: ClassVar[Needs] = Needs(
        credential="the API secret",
        required={"api_key": "the account's API key"},
        optional={
            "signature_method": "of callbacks, as in the account: sha256 (else), sha1, sha512, md5, or md5hash, "
            "which is an account's own default and the weakest"
        },
        webhook_keys="the signature secret that the account's settings show, and not the API secret",
        sender=SenderNeeds(required=True),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 20 to 604800",
        receipts="callback URL of each message; above 100 characters: the account's, .../receipts/<name>",
        proof="HMAC over the fields, 24 h; with signature_method md5hash an MD5 of fields and secret, which is weaker",
        check="credential: the balance",
        rotation="two API secrets at once",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        self._method = self.options.get("signature_method", METHODS[0])
        if self._method not in METHODS:
            raise SettingsError(f"providers.{name}.options.signature_method: not known; write {' or '.join(METHODS)}")
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
            **_ways_back(sms, self.name),
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
        word, code = receipt_word(fields, "status"), short(fields.get("err-code"))
        receipt = ProviderReceipt(
            state=state_of(word, STATES, code, CODES),
            raw=word,
            code=None if code in {"", "0"} else code,
            message_id=short(fields.get("messageId")),
            reference=reference_in(fields, "client-ref").replace("..", f".{self.name}."),
            nonce=short(fields.get("nonce")),
        )
        return (receipt,)

    def _verify(self, fields: Mapping[str, str], now: float) -> None:
        signed = "".join(f"&{name}={fields[name].translate(_TO_SIGN)}" for name in sorted(fields) if name != "sig")
        expected = [_mac(key, signed.encode(), self._method) for key in self.webhook_keys]
        check_signature("sig", {"sig": fields.get("sig", "").lower()}, expected)
        time = fields.get("timestamp", "")
        if not _SECONDS.fullmatch(time) or not is_timely(int(time), now, REPEATS_S):
            raise forged("`timestamp` is missing, too old or too new")
        if fields.get("api-key", self._api_key) != self._api_key:
            raise forged("`api-key` is another's")


def _sentence(parts: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(text for part in parts if isinstance(text := part.get("error-text"), str))


def _ways_back(sms: Sms, name: str) -> dict[str, str]:
    """Give the callback URL where it fits, and of the reference what is needed beside it.

    Without the URL that is all of it but the account's name, which the account's address has. Raises NotSent
    where that does not fit either, as with a request id of 64 characters: its receipt could not come back.
    """
    if len(sms.callback_url) <= LONGEST_CALLBACK:
        return {"callback": sms.callback_url, "client-ref": sms.reference.rpartition(".")[2]}
    reference = sms.reference.replace(f".{name}.", "..", 1)
    if len(reference) > LONGEST_REFERENCE:
        # Nothing that counts against the route: a caller chooses its ids, and must not close it to all others by that.
        raise NotSent("reference_too_long")
    return {"client-ref": reference}


def _ids(sms: Sms) -> dict[str, str]:
    """Give the ids of what India's registry gave."""
    ids = {
        "entity-id": sms.registrations.get("dlt_entity_id"),
        "content-id": sms.registrations.get("dlt_template_id"),
    }
    return {name: value for name, value in ids.items() if value}


def _mac(key: bytes, signed: bytes, method: str) -> str:
    if method == MD5_HASH:
        return md5(signed + key, usedforsecurity=False).hexdigest()
    return hmac.digest(key, signed, method).hex()


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

"""Twilio Programmable Messaging. Pages: https://www.twilio.com/docs/messaging/api/message-resource."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from urllib.parse import urlencode

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    RecipientThrottled,
    Refused,
    Rejected,
    RouteRefused,
    Throttled,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import HOST_LABEL, Needs, SenderNeeds
from providers.answers import accepted, is_success, read_answer, read_object, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed_in_words
from providers.callbacks import check_signature, forged, form, receipt_codes, receipt_word, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://www.twilio.com/docs/api/errors. 20500 and 20503 come with a 5xx, where the status decides. Those from 30001 on
# mostly come in receipts, where they are only kept; here they say why a message was taken and failed at once.
_CODES: Final[Mapping[type[ProviderError], str]] = {
    Rejected: "21211 21265 21268 21604 21610 21614 21635 30004 30005 30450",  # 21265: short code, 21268: premium rate
    Undeliverable: "21266 21612 30003 30006 30007 30008 30038",  # 21266: our own sender
    RouteRefused: (
        "21212 21267 21603 21606 21607 21657 21659 21660 21661 "  # `From`; 21657: not for this destination
        "21701 21703 21704 21705 "  # the Messaging Service
        "21408 21609 30034"  # the country, `StatusCallback`, registration
    ),
    Misconfigured: "10001 20003 20005 20404 21608 30002 63038",  # 63038: more than the account may send in a day
    Throttled: "20429 21611 30001",
    RecipientThrottled: "14107",
    Unavailable: "30036",
    Malformed: "21602 21617",  # no text, too long a text
    Refused: "20001 60410",  # an invalid parameter; a prefix that is blocked for 12 h after fraud
}
REFUSALS: Final = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
# The parameters as sentences name them, https://www.twilio.com/docs/messaging/api/message-resource.
FIELDS: Final[Mapping[str, Part]] = {
    "from": Part.SENDER,
    "to": Part.RECIPIENT,
    "body": Part.TEXT,
    "statuscallback": Part.CALLBACK,
    "messagingservicesid": Part.PROFILE,
}
FAILED: Final = frozenset({"failed", "undelivered", "canceled"})  # states of a message that was not even taken

# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
STATES: Final[Mapping[str, ReceiptState]] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), ReceiptState.ENROUTE),
    **dict.fromkeys(("delivered", "read"), ReceiptState.DELIVERED),
    **dict.fromkeys(("undelivered", "failed", "canceled"), ReceiptState.UNDELIVERABLE),
}
# `ErrorCode` of a failure, of the list above.
CODES: Final = receipt_codes(REFUSALS, expired=("30036",))

# https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys
HASHES: Final[Mapping[str, str]] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}

LONGEST_VALIDITY_S: Final = 36_000
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_URL: Final = re.compile(r"((https?)://[^/?#]*?)(:[0-9]+)?([/?#].*|)")
_BODY_HASH: Final = re.compile(r"[?&]bodySHA256=([^&#]*)")


class TwilioProvider(HttpProvider):
    """Basic authentication, one form POST per message, receipts to the callback URL, signed with the auth token."""

    adapter: ClassVar[str] = "twilio"
    needs: ClassVar[Needs] = Needs(
        credential="the auth token of the account, or with the option key_id the secret of that API key",
        required={"account": "the Account SID, AC..."},
        optional={
            "key_id": "the SID of an API key, SK...; without it the credential is the auth token",
            "region": "where messages are processed, such as ie1; else us1",
            "edge": "where Twilio's network is entered, such as dublin",
        },
        forms={"account": r"AC[0-9a-fA-F]{32}", "region": HOST_LABEL, "edge": HOST_LABEL},
        sender=SenderNeeds(required=True, pool="the SID of a Messaging Service, MG...", pool_alone=True),
        webhook_keys="the auth tokens that sign callbacks (primary, and the other while it is promoted) or shared keys",
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 1 to 36000",
        receipts="callback URL of each message",
        proof="HMAC over URL and fields, keyed with the auth token (SHA-1) or a shared key (SHA-256)",
        check="credential, balance",
        rotation="several API keys at once; two auth tokens until one is promoted",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        account = self.options["account"]
        user = self.options.get("key_id", account)
        self._url = f"{self.base_url}/2010-04-01/Accounts/{account}"
        basic = b64encode(user.encode() + b":" + self.credential).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """`api.twilio.com`, or the host of an edge and region: https://www.twilio.com/docs/global-infrastructure."""
        edge = options.get("edge")
        region = options.get("region") or ("us1" if edge else None)
        return f"https://{'.'.join(part for part in ('api', edge, region, 'twilio.com') if part)}"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST .../Messages.json`, from a Messaging Service or a sender; without either Twilio would take nothing."""
        if not (sms.pool or sms.sender):
            raise RouteRefused("no_sender")
        message = {
            "To": sms.to,
            **({"MessagingServiceSid": sms.pool} if sms.pool else {"From": sms.sender}),
            "Body": sms.text,
            "StatusCallback": sms.callback_url,
            "ValidityPeriod": min(max(sms.validity_s, 1), LONGEST_VALIDITY_S),
        }
        return HttpRequest(url=f"{self._url}/Messages.json", headers=self._headers, body=urlencode(message).encode())

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`201 {"sid", "status", "error_code"}`, or `{"code", "message"}`."""
        answer = read_answer(body)
        if not is_success(status) or _words(answer):
            raise _refused(answer, status, headers)
        return accepted(answer.get("sid"))

    def checks(self) -> Mapping[str, HttpRequest]:
        """`GET .../Messages.json?PageSize=1`, which every kind of key may do, and `GET .../Balance.json`."""
        return {
            "credential": HttpRequest(method="GET", url=f"{self._url}/Messages.json?PageSize=1", headers=self._headers),
            "balance": HttpRequest(method="GET", url=f"{self._url}/Balance.json", headers=self._headers),
        }

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"balance": "12.34", "currency": "USD"}`; of the message nothing is told. A subaccount has no balance."""
        answer = read_answer(body)
        if status != HTTPStatus.OK:
            raise _refused(answer, status, headers)
        if what == "credential":
            return "accepted"
        balance, currency = short(answer.get("balance")), short(answer.get("currency"))
        return f"balance {balance} {currency}" if balance else "no balance of its own"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback. No time is signed, and the id of a repeat stands in a header that is not."""
        fields = self._verified(callback)
        word, code = receipt_word(fields, "MessageStatus"), short(fields.get("ErrorCode")) or None
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, CODES),
                raw=word,
                code=code,
                message_id=short(fields.get("MessageSid")),
            ),
        )

    def _verified(self, callback: Callback) -> Mapping[str, Any]:
        """Give the fields, once https://www.twilio.com/docs/usage/webhooks/webhooks-security is fulfilled."""
        fields, tail = _signed_fields(callback)
        algorithm = _hash_of(callback.headers)
        texts = [f"{url}{tail}".encode(errors="surrogatepass") for url in _spellings(callback.url)]
        macs = [hmac.digest(key, text, algorithm) for key in self.webhook_keys for text in texts]
        check_signature("X-Twilio-Signature", callback.headers, [b64encode(mac).decode() for mac in macs])
        return fields


def _words(answer: Mapping[str, Any]) -> list[str | None]:
    """Give what refuses: a code of either kind, or the state of a message that failed at once."""
    codes = [short(code) for code in (answer.get("code"), answer.get("error_code")) if code]
    state = short(answer.get("status"))
    return codes or ([state] if state in FAILED else [])


def _refused(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    return refused(REFUSALS, _words(answer), status, headers, blamed_in_words(FIELDS, answer.get("message")))


def _signed_fields(callback: Callback) -> tuple[Mapping[str, Any], str]:
    """Give the fields, and what of them is signed behind the URL: of JSON nothing, its hash is in the URL."""
    body_hash = _BODY_HASH.search(callback.url)
    if body_hash is None:
        pairs = sorted(set(form(callback)))
        return dict(pairs), "".join(name + value for name, value in pairs)
    if body_hash[1] != sha256(callback.body).hexdigest():
        raise forged("`bodySHA256` is not of this body")
    return read_object(callback.body), ""


def _hash_of(headers: Mapping[str, str]) -> str:
    """Give the hash that is named beside a signature by a shared key; a signature by the auth token has SHA-1.

    `key=<id>,algorithm=<word>`, read as Twilio's SDK does: blanks and letter case do not count, an empty word is none.
    """
    pairs = [part.partition("=") for part in headers.get("X-Twilio-Webhooks-Signature-Settings", "").split(",")]
    named = [value.strip() for name, _, value in pairs if name.strip() == "algorithm" and value.strip()]
    word = named[0].upper() if named else "HMAC_SHA1"
    if word not in HASHES:
        raise forged("`X-Twilio-Webhooks-Signature-Settings` names a hash we do not know")
    return HASHES[word]


def _spellings(url: str) -> tuple[str, ...]:
    """Give the URL without its port and with it: Twilio may sign either."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return (url,)
    origin, scheme, port, rest = parts.groups()
    return f"{origin}{rest}", f"{origin}{port or _DEFAULT_PORTS[scheme]}{rest}"

"""Plivo Messaging. Pages: https://www.plivo.com/docs/messaging/api/overview."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from itertools import product
from typing import Any, ClassVar, Final, Unpack

import orjson

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    Rejected,
    RouteRefused,
    Unavailable,
    Undeliverable,
)
from pipeline.records import ReceiptState
from pipeline.settings import ProviderSettings
from pipeline.settings.needs import Needs, SenderNeeds
from providers.answers import accepted, is_success, read_answer, read_text, refusal, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed
from providers.callbacks import forged, form, receipt_codes, receipt_word, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

# https://www.plivo.com/docs/messaging/troubleshooting/error-codes; 451 is in
# https://www.plivo.com/docs/messaging/concepts/geo-permissions. They come in receipts (CODES); a refused
# request has words instead (WORDS), or nothing but its status.
REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    **dict.fromkeys(("50", "70", "200"), Rejected),
    **dict.fromkeys(("30", "60", "90", "100", "1000"), Undeliverable),
    **dict.fromkeys(("40", "201", "450", "451"), RouteRefused),
    **dict.fromkeys(("900", "910"), Misconfigured),
    **dict.fromkeys(("20", "80", "300", "420"), Unavailable),
    **dict.fromkeys(("10", "110"), Malformed),
}

# What a refused request says, in lower case. The rest of the sentence may quote the number.
# https://support.plivo.com/support/solutions/articles/17000088423, https://github.com/plivo/plivo-node/issues/222
NO_CREDIT: Final = "insufficient credit"
NO_NUMBER: Final = " is not a valid phone number"  # stands behind it, and it is mostly in quotes
CREDIT, DESTINATION, SOURCE = "900", "50", "40"  # the codes for what the words say
SHORTEST_NUMBER: Final = 7  # digits of a recipient; a short code has fewer

# https://www.plivo.com/docs/messaging/api/message/send-a-message
FIELDS: Final[Mapping[str, Part]] = {
    "src": Part.SENDER,
    **dict.fromkeys(("powerpack_uuid", "dlt_entity_id", "dlt_template_id", "dlt_template_category"), Part.PROFILE),
    **dict.fromkeys(("url", "method"), Part.CALLBACK),
    "dst": Part.RECIPIENT,
    "text": Part.TEXT,
}
NO_WORDS: Final = frozenset({"src", "dst", "powerpack_uuid", "url"})  # that mean nothing else in a sentence
PAIR: Final = frozenset({"src", "dst"})  # one is wrong for the other: neither is to blame

# https://www.plivo.com/docs/messaging/api/message/message-status-callbacks
STATES: Final[Mapping[str, ReceiptState]] = {
    **dict.fromkeys(("queued", "sent"), ReceiptState.ENROUTE),
    **dict.fromkeys(("delivered", "read"), ReceiptState.DELIVERED),
    **dict.fromkeys(("undelivered", "failed", "rejected"), ReceiptState.UNDELIVERABLE),
}
# `ErrorCode` of a failure, of the list above.
CODES: Final = receipt_codes(REFUSALS, expired=("420",))
NO_ERROR: Final = frozenset({"", "000"})
# `PartInfo`, which is `1 of 1` unless each part has a receipt of its own. The page above calls it reserved today;
# https://support.plivo.com/support/solutions/articles/17000012022 tells what it says where parts are reported.
PART: Final = re.compile(r"([1-9][0-9]?) of ([1-9][0-9]?)")

# https://www.plivo.com/docs/messaging/api/message/send-a-message
DLT_IDS: Final = ("dlt_entity_id", "dlt_template_id")
SHORTEST_EXPIRY_S: Final = 5
LONGEST_EXPIRY_S: Final = 10_800

# https://www.plivo.com/docs/messaging/concepts/signature-validation has V2 alone; messages bring V3 too, as calls do:
# https://www.plivo.com/docs/voice/concepts/signature-validation.
V3_HEADERS: Final = ("V3", "Ma-V3", "V3-Nonce")
# Plivo's are digits. None has a dot: a dot ends the fields in V3, and nothing ends the URL in V2, so a longer "nonce"
# could swallow fields, and turn a signature of V3 into one of V2.
NONCE: Final = re.compile(r"[A-Za-z0-9_+/=-]{1,128}")

_Fields = list[tuple[str, str]]


class PlivoProvider(HttpProvider):
    """Basic authentication, one JSON POST per message, receipts to the callback URL, signed with the auth token.

    The credential verifies callbacks, and so does each of `webhook_keys`: the auth token of the main account, where
    `account` is a subaccount, and the old or new auth token while both are valid.
    """

    adapter: ClassVar[str] = "plivo"
    needs: ClassVar[Needs] = Needs(
        credential="the auth token of the account",
        required={"account": "the Auth ID, MA..., or SA... of a subaccount"},
        forms={"account": r"[A-Za-z0-9]+"},
        sender=SenderNeeds(required=True, pool="the UUID of a Powerpack", pool_alone=True),
        optional_webhook_keys="further auth tokens that sign callbacks: the main account's, the one before",
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 5 to 10800",
        receipts="callback URL of each message",
        proof="HMAC-SHA256 keyed with an auth token: V3 over URL, fields and nonce; "
        "V2 over URL and nonce alone, only where Plivo sends no V3",
        check="credential, balance",
        rotation="two auth tokens until the old one is revoked, the other one in webhook_keys; or a new subaccount",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        account = self.options["account"]
        self._url = f"{self.base_url}/v1/Account/{account}/"
        basic = b64encode(account.encode() + b":" + self.credential).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        self._keys = (self.credential, *self.webhook_keys)
        self._senders = frozenset(_digits(sender) for sender in settings.senders.values())

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """Give the one address that there is."""
        del options
        return "https://api.plivo.com"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST .../Message/`, from a Powerpack or a sender. `log` keeps text and number out of Plivo's logs."""
        if not (sms.pool or sms.sender):
            raise RouteRefused("no_sender")
        message = {
            "dst": sms.to,
            **({"powerpack_uuid": sms.pool} if sms.pool else {"src": sms.sender}),
            "text": sms.text,
            "type": "sms",
            "url": sms.callback_url,
            "method": "POST",
            "log": "false",
            "message_expiry": min(max(sms.validity_s, SHORTEST_EXPIRY_S), LONGEST_EXPIRY_S),
            **_registered(sms.registrations),
        }
        return HttpRequest(url=f"{self._url}Message/", headers=self._headers, body=orjson.dumps(message))

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`202 {"message_uuid": [...]}` with one id for one number, or `{"api_id", "error": <words>}`."""
        answer = read_answer(body)
        said = answer.get("error")
        code = self._code(answer, said if isinstance(said, str) else read_text(body))
        if is_success(status) and not (code or said):
            ids = answer.get("message_uuid")
            return accepted(ids[0] if isinstance(ids, list) and len(ids) == 1 else None)
        error = refused(REFUSALS, [code], status, headers, blamed(FIELDS, _named(answer)))
        barred = status == HTTPStatus.FORBIDDEN and code not in REFUSALS and short(answer.get("api_id"))
        raise RouteRefused(error.code) if barred else error  # a 403 of Plivo's own bars a country

    def _code(self, answer: Mapping[str, Any], sentence: str) -> str | None:
        """Give Plivo's code for a refusal: as it says it, by its words, or because our one number is none."""
        text = sentence.lower()
        if answer.get("error_code") or answer.get("invalid_number"):
            return short(answer.get("error_code") or DESTINATION)
        if NO_CREDIT in text:
            return CREDIT
        before, found, _ = text.partition(NO_NUMBER)
        if not found:
            return None
        named = PAIR.intersection(_named(answer))
        about_us = "src" in named if named else self._is_ours(_last(before))
        return SOURCE if about_us else DESTINATION

    def _is_ours(self, quoted: str) -> bool:
        """Tell whether what is no phone number can be a sender: it is one of ours, or too short for a recipient."""
        digits = _digits(quoted)
        return digits in self._senders or len(digits) < SHORTEST_NUMBER

    def checks(self) -> Mapping[str, HttpRequest]:
        """`GET /v1/Account/{auth_id}/`, for both."""
        account = HttpRequest(method="GET", url=self._url, headers=self._headers)
        return {"credential": account, "balance": account}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"account_type", "billing_mode", "cash_credits"}`. Its `state` is that of a postal address."""
        if status != HTTPStatus.OK:
            raise refusal(status, headers)
        account = read_answer(body)
        if what == "credential":
            return f"accepted, account {short(account.get('account_type'))}"  # developer: a trial
        credit = short(account.get("cash_credits"))
        return f"balance {credit} USD, {short(account.get('billing_mode'))}" if credit else "no balance of its own"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback; a message of several parts may have one for each."""
        query = form(replace(callback, body=callback.url.partition("?")[2].encode(errors="replace")))
        posted = [] if callback.method == "GET" else form(callback)
        nonce = self._verified_nonce(callback, query, posted)
        fields = dict(sorted(query if callback.method == "GET" else posted))
        word, code = receipt_word(fields, "Status"), short(fields.get("ErrorCode"))
        return (
            ProviderReceipt(
                state=state_of(word, STATES, code, CODES),
                raw=word,
                code=None if code in NO_ERROR else code,
                message_id=short(fields.get("MessageUUID")),
                nonce=nonce,
                part=_part(fields),
            ),
        )

    def _verified_nonce(self, callback: Callback, query: _Fields, posted: _Fields) -> str:
        """Give the nonce that is signed along. Where there is anything of V3, V2 proves nothing."""
        headers, (base, _, _) = callback.headers, callback.url.partition("?")
        version = "V3" if any(f"X-Plivo-Signature-{part}" in headers for part in V3_HEADERS) else "V2"
        nonce = headers.get(f"X-Plivo-Signature-{version}-Nonce", "")
        text = (_signed_in_v3(base, query, posted) if version == "V3" else base) + nonce
        macs = [hmac.digest(key, text.encode(errors="surrogatepass"), "sha256") for key in self._keys]
        expected, given = [b64encode(mac) for mac in macs], _signatures(headers, version)
        if not NONCE.fullmatch(nonce) or not any(hmac.compare_digest(*pair) for pair in product(expected, given)):
            raise forged(f"`X-Plivo-Signature-{version}` is missing or not of this account")
        return nonce


def _registered(registrations: Mapping[str, str]) -> Mapping[str, str]:
    ids = {name: registrations[name] for name in DLT_IDS if name in registrations}
    return {**ids, "dlt_template_category": "transactional"} if ids else {}


def _named(answer: Mapping[str, Any]) -> list[str]:
    """Give the fields that a refusal names: as names of what is wrong with each, or in a sentence."""
    error = answer.get("error")
    if isinstance(error, dict):
        return list(error)
    words = NO_WORDS.intersection(re.findall(r"\w+", error.lower())) if isinstance(error, str) else frozenset()
    return [] if words >= PAIR else sorted(words)


def _last(text: str) -> str:
    """Give what stands at the end of a text: in quotes, or a word."""
    return text[:-1].rpartition("'")[2] if text.endswith("'") else text.rpartition(" ")[2]


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _part(fields: Mapping[str, str]) -> tuple[int, int] | None:
    found = PART.fullmatch(fields.get("PartInfo", ""))
    number, parts = (int(found[1]), int(found[2])) if found else (1, 1)
    return (number, parts) if number <= parts and parts > 1 else None


def _signed_in_v3(base: str, query: _Fields, posted: _Fields) -> str:
    """Give what stands before the nonce: the URL, its query in order, the fields of a POST in order, and a dot."""
    asked = "&".join(f"{name}={value}" for name, value in sorted(query))
    tail = "".join(name + value for name, value in sorted(posted))
    mark, dot = "?" if query or posted else "", "." if query and posted else ""
    return f"{base}{mark}{asked}{dot}{tail}."


def _signatures(headers: Mapping[str, str], version: str) -> list[bytes]:
    """Give the signatures of the account and of its main account: a list each, with several while tokens change."""
    lists = [headers.get(f"X-Plivo-Signature-{owner}{version}", "") for owner in ("", "Ma-")]
    return [one.strip().encode(errors="replace") for given in lists for one in given.split(",")]

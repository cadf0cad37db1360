"""Vonage: its Messages API, https://developer.vonage.com/en/api/messages."""

import hmac
import math
import re
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from http import HTTPStatus
from typing import Any, ClassVar, Final, Unpack
from uuid import uuid4

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import HMACAlgorithm

from pipeline.errors import (
    Malformed,
    Misconfigured,
    ProviderError,
    RecipientThrottled,
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
from providers.answers import accepted, inner, is_success, objects, read_answer, read_object, refused, short
from providers.base import HttpProvider, HttpRequest, Surroundings
from providers.blame import Part, blamed
from providers.callbacks import LEEWAY_S, forged, is_timely, receipt_codes, receipt_word, reference_in, state_of
from providers.seam import Accepted, Callback, Capabilities, ProviderReceipt, Sms

ACCOUNT: Final = "https://rest.nexmo.com"  # where the balance is
REGIONS: Final = ("us", "eu", "ap")

# https://developer.vonage.com/en/api-errors/messages, and words of https://developer.vonage.com/en/api-errors
_CODES: Final[Mapping[type[ProviderError], str]] = {
    Rejected: "1050 1170 1190 1240 1430 1473 2001",  # barred, no number, dead, opted out, fraud
    Undeliverable: "1180 1200 1210 1220 1250 1251 1260 1270 1280 1282 1290 1300 1310 1330",
    RouteRefused: (
        "1120 1242 1420 1460 1476 "  # `from`, the pool, or what they may send
        "1470 1474 1475 "  # the account's own rules for countries and networks
        "1480 1481 1482 1483 1484"  # what the country's registry wants
    ),
    Misconfigured: (
        "1060 1070 1080 1140 1160 unauthorized forbidden unprovisioned account-suspended low-balance not-found "
        "jwt-expired jwt-revoked invalid-api-key invalid-signature"
    ),
    Throttled: "1000 1472",
    RecipientThrottled: "1241",
    Unavailable: "1030 1100 1230 1331",
    Malformed: "1090",  # too long
    # Something in the request: `invalid_parameters` tells what.
    Refused: "1010 1020 1021 1022 1040 1130 1150 1400 1410 1440 1450 invalid-json invalid-params",
}
REFUSALS: Final = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
# The parameters as errors name them, such as `sms.pool_id`: https://developer.vonage.com/en/api/messages
FIELDS: Final[Mapping[str, Part]] = {
    "from": Part.SENDER,
    **dict.fromkeys(("webhook_url", "webhook_version", "client_ref"), Part.CALLBACK),
    **dict.fromkeys(("pool_id", "entity_id", "content_id"), Part.PROFILE),
    "to": Part.RECIPIENT,
    **dict.fromkeys(("text", "encoding_type"), Part.TEXT),
}
_CODE: Final = re.compile(r"[a-z-]{1,40}|[0-9]{1,5}")  # longer digits may be a phone's or a one-time code

# https://developer.vonage.com/en/messages/concepts/message-status
STATES: Final[Mapping[str, ReceiptState]] = {
    "submitted": ReceiptState.ENROUTE,
    **dict.fromkeys(("delivered", "read"), ReceiptState.DELIVERED),
    # `rejected` is said of all SMS that expired, failed or were rejected
    **dict.fromkeys(("rejected", "undeliverable"), ReceiptState.UNDELIVERABLE),
}
# Behind the `#` of `error.type`, of the list above. No code in it says that a message has expired.
CODES: Final = receipt_codes(REFUSALS)

# https://developer.vonage.com/en/api/messages
FIXED: Final = {"message_type": "text", "channel": "sms", "webhook_version": "v1"}
SHORTEST_VALIDITY_S: Final = 20
LONGEST_VALIDITY_S: Final = 604_800

# https://developer.vonage.com/en/getting-started/concepts/authentication
JWT_LIFE_S: Final = 900
JWT_RENEWAL_S: Final = 720
# https://developer.vonage.com/en/getting-started/concepts/webhooks: what is not taken is repeated for 24 hours.
REPEATS_S: Final = 86_400.0


class _Hs256(HMACAlgorithm):
    """HS256 that does not warn of a secret under 32 bytes: it is as long as Vonage made it."""

    def check_key_length(self, key: bytes) -> str | None:
        del key
        return None


_JWS: Final = jwt.PyJWS(algorithms=[])  # knows HS256 alone, and leaves the claims to us: no clock of this machine
_JWS.register_algorithm("HS256", _Hs256(HMACAlgorithm.SHA256))


class VonageProvider(HttpProvider):
    """Basic authentication or an application's JWT, one POST per message, receipts to the callback URL, signed."""

    adapter: ClassVar[str] = "vonage"
    needs: ClassVar[Needs] = Needs(
        credential="the API secret, or with application_id its private key: PEM in one line, each line break as \\n",
        required={"api_key": "the account's API key"},
        optional={
            "application_id": "its JWTs sign the requests; without it Vonage promises no receipts",
            "region": "us, eu or ap; else the nearest",
        },
        sender=SenderNeeds(required=True, pool="the id of a pool of senders"),
        webhook_keys="the signature secret that the account's settings show, and not the API secret",
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        validity="seconds, 20 to 604800",
        receipts="callback URL of each message",
        proof="JWT (HS256) over the hash of the body, 24 h",
        check="credential: the balance; of an application whether its key may send",
        rotation="two API secrets at once; one key for an application",
    )

    def __init__(self, name: str, settings: ProviderSettings, **surroundings: Unpack[Surroundings]) -> None:
        super().__init__(name, settings, **surroundings)
        if self.options.get("region", REGIONS[0]) not in REGIONS:
            raise SettingsError(f"providers.{name}.options.region: not known; write {' or '.join(REGIONS)}")
        self._api_key, self._application = self.options["api_key"], self.options.get("application_id")
        self._url = f"{self.base_url}/v1/messages"
        self._balance_url = f"{settings.base_url or ACCOUNT}/account/get-balance"
        self._key = _private_key(name, self.credential) if self._application else None
        self._issued_at = -math.inf
        basic = b64encode(self._api_key.encode() + b":" + self.credential).decode()
        self._basic = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}

    @classmethod
    def home(cls, options: Mapping[str, str]) -> str:
        """`api.nexmo.com`, which finds the nearest region, or the host of one."""
        return f"https://api-{options['region']}.vonage.com" if "region" in options else "https://api.nexmo.com"

    def build_request(self, sms: Sms) -> HttpRequest:
        """`POST /v1/messages`. A pool needs a sender beside it, for when it cannot be used."""
        if not sms.sender:
            raise RouteRefused("no_sender")
        given = sms.registrations.get
        ids = {"pool_id": sms.pool, "entity_id": given("dlt_entity_id"), "content_id": given("dlt_template_id")}
        message = {
            **FIXED,
            "from": sms.sender.removeprefix("+"),
            "to": sms.to.removeprefix("+"),
            "text": sms.text,
            "ttl": min(max(sms.validity_s, SHORTEST_VALIDITY_S), LONGEST_VALIDITY_S),
            "client_ref": sms.reference.rpartition(".")[2],
            "webhook_url": sms.callback_url,
            "sms": {"encoding_type": "auto", **{name: value for name, value in ids.items() if value}},
        }
        return HttpRequest(url=self._url, headers=self._headers(), body=orjson.dumps(message))

    def _headers(self) -> Mapping[str, str]:
        if self._key is None:
            return self._basic
        now = int(self.now())
        if not self._issued_at <= now < self._issued_at + JWT_RENEWAL_S:
            claims = {"application_id": self._application, "iat": now, "jti": str(uuid4()), "exp": now + JWT_LIFE_S}
            token = jwt.encode(claims, self._key, algorithm="RS256")
            self._bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            self._issued_at = now
        return self._bearer

    def read_response(self, status: int, headers: Mapping[str, str], body: bytes) -> Accepted:
        """`202 {"message_uuid"}`, or `{"type": "...#<code>"}`, which refuses whatever the status is."""
        answer = read_answer(body)
        if is_success(status) and not answer.get("type"):
            return accepted(answer.get("message_uuid"))
        raise _refused(answer, status, headers)

    def checks(self) -> Mapping[str, HttpRequest]:
        """Ask for the balance; where there is no API secret to ask with, hand over a message without anything.

        That takes the way of every message, and only the application's key can get it past 401.
        """
        if self._key is None:
            return {"credential": HttpRequest(method="GET", url=self._balance_url, headers=self._basic)}
        return {"credential": HttpRequest(url=self._url, headers=self._headers(), body=b"{}")}

    def read_check(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """`{"value"}` in euros; of an application the 422 that a message without anything gets."""
        del what
        if self._key is None and status == HTTPStatus.OK:
            return f"balance {short(read_answer(body).get('value'))} EUR"
        error = _refused(read_answer(body), status, headers)
        if self._key is None or status != HTTPStatus.UNPROCESSABLE_ENTITY or type(error) is Misconfigured:
            raise error
        return "the application's key is accepted; no balance without the API secret"

    def read_receipts(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """One receipt per callback. Its URL is not signed: the reference is what came back as `client_ref`."""
        claims = self._claims(callback)
        receipt = read_object(callback.body)
        word, code = receipt_word(receipt, "status"), _code(inner(receipt, "error"))
        found = ProviderReceipt(
            state=state_of(word, STATES, code, CODES),
            raw=word,
            code=code,
            message_id=short(receipt.get("message_uuid")),
            reference=reference_in(receipt, "client_ref"),
            nonce=short(claims.get("jti")),
        )
        return (found,)

    def _claims(self, callback: Callback) -> Mapping[str, Any]:
        claims = self._signed_claims(callback.headers.get("Authorization", ""))
        given = str(claims.get("payload_hash")).encode()
        if not hmac.compare_digest(given, sha256(callback.body).hexdigest().encode()):
            raise forged("`payload_hash` is not of this body")
        if not _is_current(claims, callback.received_at):
            raise forged("`iat`, `nbf` or `exp` is not of now")
        for name, ours in (("api_key", self._api_key), ("application_id", self._application)):
            if ours and claims.get(name, ours) != ours:
                raise forged(f"`{name}` is another's")
        return claims

    def _signed_claims(self, authorization: str) -> Mapping[str, Any]:
        scheme, _, token = authorization.partition(" ")
        for key in self.webhook_keys if scheme == "Bearer" else ():
            with suppress(jwt.PyJWTError, ValueError):
                return read_object(_JWS.decode(token, key, algorithms=["HS256"]))
        raise forged("`Authorization` is missing or not of this account")


def _private_key(name: str, pem: bytes) -> RSAPrivateKey:
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(pem.replace(b"\\n", b"\n"), None)
        if isinstance(key, RSAPrivateKey):
            return key
    raise SettingsError(f"providers.{name}.credential: no RSA private key; write {VonageProvider.needs.credential}")


def _refused(answer: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> ProviderError:
    kind = answer.get("type")
    word = kind.rpartition("#")[2] if isinstance(kind, str) else None
    names = [one.get("name") for one in objects(answer.get("invalid_parameters"))]
    return refused(REFUSALS, [word], status, headers, blamed(FIELDS, names))


def _code(error: Mapping[str, Any]) -> str | None:
    """Give what stands behind the `#` of `type`, where it is a code."""
    word = _CODE.fullmatch(str(error.get("type")).rpartition("#")[2])
    return word[0] if word else None


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    issued, begins, ends = claims.get("iat", -math.inf), claims.get("nbf", 0), claims.get("exp", math.inf)
    if not all(isinstance(moment, int | float) for moment in (issued, begins, ends)):
        return False
    return bool(begins - LEEWAY_S <= now < ends and is_timely(issued, now, REPEATS_S))

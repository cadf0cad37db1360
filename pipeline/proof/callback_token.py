"""The token in our callback URL: proves that a receipt belongs to an attempt of ours, and carries what is counted.

`kid.request_id.number.provider.country.sent.config.mac`, URL-safe and short, because some providers return it in a
reference field of 100 characters. The MAC is HMAC-SHA-256 cut to 128 bits (RFC 2104, section 5).
"""

import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.proof.mac import hmac_sha256
from pipeline.settings import Secret

LIFE: Final = timedelta(days=3)  # providers report for up to 72 h (Twilio and Vonage say so for their default validity)
_FIELDS: Final = 8
_MAC_BYTES: Final = 16
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class CallbackToken(Struct, frozen=True, kw_only=True):
    """What a callback must know of its attempt."""

    request_id: str
    number: int
    provider: str
    country: str
    sent_at: datetime  # whole seconds: the send second
    config: str


def issue(token: CallbackToken, keys: Mapping[str, Secret]) -> str:
    """Sign a token with the first key of the ring."""
    kid, key = next(iter(keys.items()))
    sent = int(token.sent_at.timestamp())
    body = f"{kid}.{token.request_id}.{token.number}.{token.provider}.{token.country}.{sent:x}.{token.config}"
    return f"{body}.{_mac(key, body)}"


def verify(text: str, keys: Mapping[str, Secret], now: datetime) -> CallbackToken:
    """Read a token back. Raises InvalidMessage when it is forged, unknown or over."""
    fields = text.split(".")
    body, _, mac = text.rpartition(".")
    key = keys.get(fields[0])
    if len(fields) != _FIELDS or key is None or not hmac.compare_digest(_mac(key, body).encode(), mac.encode()):
        raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback token is not one of ours")
    token = _read(fields)
    if now > token.sent_at + LIFE:
        raise InvalidMessage(DeadReason.EXPIRED, "the callback token is over")
    return token


def fits(reference: str | None, text: str) -> bool:
    """Tell whether a reference that a provider signed is of this token: all of it, or its MAC where the field is short.

    None: the provider's proof covers the URL, and so the token in it.
    """
    return reference is None or reference in {text, text.rpartition(".")[2]}


def _read(fields: list[str]) -> CallbackToken:
    _, request_id, number, provider, country, sent, config, _ = fields
    return CallbackToken(
        request_id=request_id,
        number=int(number),
        provider=provider,
        country=country,
        sent_at=datetime.fromtimestamp(int(sent, 16), tz=UTC),
        config=config,
    )


def _mac(key: Secret, body: str) -> str:
    digest = hmac_sha256(key, body.encode())[:_MAC_BYTES]
    return binascii.b2a_base64(digest, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()

"""What adapters need to read callbacks: pure. Whatever is wrong with one is an InvalidMessage."""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pipeline.errors import DeadReason, InvalidMessage
from providers.answers import short
from providers.seam import Callback


def check_signature(header: str, headers: Mapping[str, str], expected: Iterable[str]) -> None:
    """Compare a header with each signature that would be right, in constant time. Raises InvalidMessage."""
    given = headers.get(header, "").encode(errors="replace")
    if not any(hmac.compare_digest(one.encode(), given) for one in expected):
        raise forged(f"`{header}` is missing or not of this account")


def forged(detail: str) -> InvalidMessage:
    """Give the error of a callback that its provider did not sign."""
    return InvalidMessage(DeadReason.SEAL_BROKEN, detail)


def form(callback: Callback) -> list[tuple[str, str]]:
    """Give the names and values of a form POST, empty ones too, in their order. Raises InvalidMessage."""
    try:
        return parse_qsl(callback.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise InvalidMessage(DeadReason.UNDECODABLE, "not a form") from None


def receipt_word(fields: Mapping[str, Any], name: str) -> str:
    """Give the provider's word for the state of a message. Raises InvalidMessage where there is none."""
    word = fields.get(name)
    if not isinstance(word, str) or not word:
        raise InvalidMessage(DeadReason.INVALID_FIELD, f"`{name}` is missing or not a string")
    return short(word) or ""


def reference_in(fields: Mapping[str, Any], name: str) -> str:
    """Give the reference that a provider signed along. One that is missing fits no attempt."""
    reference = fields.get(name)
    return reference if isinstance(reference, str) else ""

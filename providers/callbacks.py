"""What adapters need to read callbacks: pure. Whatever is wrong with one is an InvalidMessage."""

import hmac
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from pipeline.errors import DeadReason, InvalidMessage, ProviderError, Rejected
from pipeline.proof.callback_token import LIFE
from pipeline.records import FAILED_STATES, ReceiptState
from providers.answers import short
from providers.seam import Callback

LEEWAY_S: Final = 300.0  # that a provider's clock and ours may differ by
# For how long one repeats a callback that does not say so: as long as our token lives, which refuses what comes later.
UNPUBLISHED_S: Final = LIFE.total_seconds()


def is_timely(signed_at: float, received_at: float, repeats_s: float) -> bool:
    """Tell whether a callback of this time may be believed. All are seconds; `repeats_s` is the provider's figure.

    A callback that was not taken is repeated, and may still have its first time: what we did not get while we were
    away must count when it comes. A replay of what we got is told apart by its nonce, and by the row of its attempt.
    """
    return -LEEWAY_S <= received_at - signed_at <= repeats_s + LEEWAY_S


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


def receipt_codes(
    refusals: Mapping[str, type[ProviderError]], expired: Collection[str] = ()
) -> dict[str, ReceiptState]:
    """Give what the codes of a provider make of a failure: the recipient's own, or the end of the validity.

    A code that says of a request that its recipient can never be reached says the same in a receipt.
    """
    own = {code: ReceiptState.REJECTED for code, kind in refusals.items() if issubclass(kind, Rejected)}
    return {**own, **dict.fromkeys(expired, ReceiptState.EXPIRED)}


def state_of(
    word: str, states: Mapping[str, ReceiptState], code: str | None, codes: Mapping[str, ReceiptState]
) -> ReceiptState:
    """Give the state that a provider's word stands for, corrected by the code of a failure.

    REJECTED says nothing about the provider and is taken out of its rate. So it is left to the codes (and words) that
    blame the recipient; what blames an account, a route or nobody is UNDELIVERABLE, which counts against the route.
    """
    state = states.get(word, ReceiptState.UNKNOWN)
    return codes.get(code or "", state) if state in FAILED_STATES else state


def reference_in(fields: Mapping[str, Any], name: str) -> str:
    """Give the reference that a provider signed along. One that is missing fits no attempt."""
    reference = fields.get(name)
    return reference if isinstance(reference, str) else ""

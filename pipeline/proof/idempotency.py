"""Request ids; and the digests of callers that repeat themselves under an `Idempotency-Key`."""

import base64
import hmac
from typing import Final

from pipeline.settings import Secret

_CONTEXT: Final = b"ithaca idempotency 1"  # sets these apart from everything else that is keyed with the same ring


ID_BYTES: Final = 16  # 128 bits: nobody guesses the id of another's request


def request_id(unguessable: bytes) -> str:
    """Write 16 bytes as a request id: base64url, 22 characters.

    A leading dash becomes an underscore, because a command line takes it for an option.
    """
    text = base64.urlsafe_b64encode(unguessable).rstrip(b"=").decode()
    return f"_{text[1:]}" if text.startswith("-") else text


def request_id_for(key: Secret, caller: str, idempotency_key: str) -> str:
    """Give the request id that a caller's idempotency key stands for, always the same: 22 characters."""
    return request_id(_mac(key, "id", caller, idempotency_key))


def digest_of(key: Secret, *fields: str | int | None) -> str:
    """Give the keyed digest of a body, by which a repeat is told from another request.

    It is keyed because a body holds a phone number, and there are few enough of those to try them all.
    """
    return _mac(key, "body", *fields).hex()


def _mac(key: Secret, *parts: str | int | None) -> bytes:
    derived = hmac.digest(key.reveal(), _CONTEXT, "sha256")
    text = "|".join(f"{len(str(part))}:{part}" for part in parts)  # lengths: no two lists of parts give one text
    return hmac.digest(derived, text.encode(), "sha256")[:ID_BYTES]

"""The seal of a number or a code: a compact JWE (RFC 7516) with `alg` `dir` and `enc` `A256GCM` (RFC 7518)."""

import base64
import json
import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32  # RFC 7518, section 5.3
_NONCE_BYTES: Final = 12  # the same
_TAG_BYTES: Final = 16


class Sealer:
    """Seals what one caller writes, with the key that it shares with Ithaca under the name `kid`."""

    def __init__(self, *, caller: str, kid: str, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"`key` has {len(key)} bytes, not {KEY_BYTES}: give the bytes, neither hex nor base64")
        self._header = {"alg": "dir", "enc": "A256GCM", "kid": kid, "caller": caller}
        self._cipher = AESGCM(key)

    def seal(self, text: str, request_id: str) -> str:
        """Seal a text for one request: it opens in no other one, and for no other caller."""
        header = _base64url(json.dumps(self._header | {"rid": request_id}).encode())
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), header.encode())
        parts = (nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
        return f"{header}..{'.'.join(map(_base64url, parts))}"  # no encrypted key: `dir`


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

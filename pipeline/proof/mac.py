"""HMAC-SHA-256 with keys that are used for every code."""

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from pipeline.settings import Secret


def hmac_sha256(key: Secret, data: bytes) -> bytes:
    """Give the 32 bytes (RFC 2104). A copy of a state that has seen the key takes a third of the time of a new one."""
    state = _keyed(key).copy()
    state.update(data)
    return state.finalize()


@lru_cache(maxsize=256)
def _keyed(key: Secret) -> HMAC:
    return HMAC(key.reveal(), SHA256())

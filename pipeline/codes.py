"""Derive and check a code.

The code is on no topic, in no store and in no log: it is derived wherever it is needed from a master key and from
what makes the request what it is. A retry, a redelivery, a resend or a second provider therefore gives the same code.
"""

import hmac
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

import pyotp
from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.mac import hmac_sha256
from pipeline.settings import Secret

_SEED_BYTES: Final = 20  # RFC 4226 recommends a shared secret of 160 bits
_NO_SALT: Final = Secret(bytes(32))  # RFC 5869, section 2.2
_LEAST_BYTES: Final = 14  # pyotp refuses shorter ones, and so do we
_OWN: Final = re.compile(r"[0-9A-Za-z]+([ -][0-9A-Za-z]+)*")
_OWN_LENGTH: Final = range(6, 11)
_DIGIT: Final = frozenset("0123456789")
OWN_CODE: Final = (
    "`code` is not 6 to 10 letters and digits with a digit among them, in groups by single blanks or hyphens"
)


class CodeBasis(Struct, frozen=True, kw_only=True):
    """What a code is derived from, beside the master key."""

    request_id: str
    number_hash: str
    caller: str
    issued_at: datetime

    def info(self) -> bytes:
        """Give the context string of HKDF; no field can contain the separator."""
        issued_us = int(self.issued_at.timestamp() * 1_000_000)
        return f"ithaca code 1|{self.request_id}|{self.number_hash}|{self.caller}|{issued_us}".encode()


def derive(master: Secret, basis: CodeBasis, digits: int) -> str:
    """Derive the code: `HOTP(HKDF-SHA-256(master, basis)).at(0)` (RFC 5869, RFC 4226), 6 to 10 digits."""
    seed = hmac_sha256(_extracted(master), basis.info() + b"\x01")[:_SEED_BYTES]
    return _Hotp(seed, digits).at(0)


@lru_cache(maxsize=64)
def _extracted(master: Secret) -> Secret:
    """Give what the first half of HKDF makes of a master key without a salt: it is the same for all codes."""
    return Secret(hmac_sha256(_NO_SALT, master.reveal()))


class _Hotp(pyotp.HOTP):
    """HOTP of a raw seed: pyotp's own would decode it from Base32 twice for every code, which takes 12 us."""

    def __init__(self, seed: bytes, digits: int) -> None:
        self._seed = seed
        super().__init__("", digits=digits)

    def byte_secret(self) -> bytes:
        """Give the seed, unless it is too short to be one."""
        if len(self._seed) < _LEAST_BYTES:
            raise ValueError(f"a seed of {len(self._seed)} bytes, at least {_LEAST_BYTES}")
        return self._seed


def matches(code: str, entered: str) -> bool:
    """Compare in constant time with what a person entered, blanks and hyphens of both aside. Nothing is no code."""
    wanted = bare(code).encode()
    return bool(wanted) and hmac.compare_digest(wanted, bare(entered).encode())


def bare(code: str) -> str:
    """Give a code without the blanks and hyphens by which people read it."""
    return code.replace(" ", "").replace("-", "")


def check_own(code: str, *, source: str | None = None) -> str:
    """Give a code of a caller's own. Raises InvalidMessage for what does not look like a code.

    It goes out under the caller's brand, so it may be no sentence, no address and no other number: 6 to 10 letters and
    digits, as codes here have. NIST SP 800-63B-4 wants at least 6 digits; with more than 10, or without a digit,
    Android's SMS User Consent API does not take it for a code.
    """
    if _OWN.fullmatch(code) and len(bare(code)) in _OWN_LENGTH and not _DIGIT.isdisjoint(code):
        return code
    raise InvalidMessage(DeadReason.INVALID_CODE, OWN_CODE, source=source)

"""Derive a code, and read and check what was entered.

The code is on no topic, in no store and in no log: it is derived wherever it is needed from a master key and from
what makes the request what it is. A retry, a redelivery, a resend or a second provider therefore gives the same code.
"""

import hmac
import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Final

import pyotp
from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.proof.mac import hmac_sha256
from pipeline.settings import Secret

_SEED_BYTES: Final = 20  # RFC 4226 recommends a shared secret of 160 bits
_NO_SALT: Final = Secret(bytes(32))  # RFC 5869, section 2.2
_LEAST_BYTES: Final = 14  # pyotp refuses shorter ones, and so do we
_OWN: Final = re.compile(r"[0-9A-Za-z]+([ -][0-9A-Za-z]+)*")
_OWN_LENGTH: Final = range(6, 11)
OWN_CODE: Final = (
    "`code` is not 6 to 10 letters and digits with a digit among them, in groups by single blanks or hyphens"
)

_BLANK: Final = " "
_PARTING: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})  # Unicode's blanks, line ends, invisibles, dashes
# Of other categories: minus, keycap, grapheme joiner, fillers of Hangul and Khmer, variation selectors.
_PARTING_TOO: Final = frozenset("\u2212\u20e3\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {
    chr(selector) for selector in range(0xFE00, 0xFE10)
}
_DIGIT: Final = re.compile("[0-9]")
_RUN: Final = re.compile("[0-9]+")
_PARTED_RUN: Final = re.compile("[0-9](?:[ .\u00b7\u2022]*[0-9])*")  # blanks and dots are how people part a code


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


class Entry(Struct, frozen=True, kw_only=True):
    """What a person entered, read in the two ways in which it may be a code. Neither shows in a `repr`."""

    derived: str  # as a code of ours: its digits, or nothing where they are not to be made out
    own: str  # as a code of the caller's own

    def __repr__(self) -> str:
        return "Entry(...)"


def read_entry(entered: str, digits: int) -> Entry:
    """Read what was typed, pasted or filled in. Digits of every script count as what they mean."""
    signs = "".join(map(_sign, entered))
    return Entry(derived=_derived(signs, digits), own=signs.replace(_BLANK, ""))


def bare(own: str) -> str:
    """Give a code of the caller's own as entries of it are read: without blanks, dashes and invisible signs."""
    return read_entry(own, 0).own


def matches(code: str, entered: str) -> bool:
    """Compare in constant time. Nothing is equal to no code at all."""
    return hmac.compare_digest(code.encode(), entered.encode()) and code != ""


def _derived(signs: str, digits: int) -> str:
    """Give the only run of so many digits: of all that were entered, or else of those in a sentence around them."""
    every = "".join(_DIGIT.findall(signs))
    if len(every) == digits:
        return every
    runs = {*_RUN.findall(signs), *("".join(_DIGIT.findall(run)) for run in _PARTED_RUN.findall(signs))}
    found = [run for run in runs if len(run) == digits]
    return found[0] if len(found) == 1 else ""


@lru_cache(maxsize=4096)
def _sign(sign: str) -> str:
    """Give a decimal digit as its ASCII one, a blank for what is blank, a dash or invisible, and all else as it is."""
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    parts = unicodedata.category(sign) in _PARTING or sign in _PARTING_TOO
    return _BLANK if parts else sign


def check_own(code: str, *, source: str | None = None) -> str:
    """Give a code of a caller's own. Raises InvalidMessage for what does not look like a code.

    It goes out under the caller's brand, so it may be no sentence, no address and no other number: 6 to 10 letters and
    digits, as codes here have. NIST SP 800-63B-4 wants at least 6 digits; with more than 10, or without a digit,
    Android's SMS User Consent API does not take it for a code.
    """
    if _OWN.fullmatch(code) and len(bare(code)) in _OWN_LENGTH and _DIGIT.search(code):
        return code
    raise InvalidMessage(DeadReason.INVALID_CODE, OWN_CODE, source=source)

"""Secrets are never written into settings, only references to them.

`env:NAME`    the variable NAME
`file:/path`  the file, without the line break at its end
`dev:word`    in development only: a key is SHA-256 of "ithaca development key: word", a text is "dev-word"

A key is 32 bytes, written as 64 hexadecimal digits or as base64. Any other secret is text.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pipeline.settings.kinds import Secret
from pipeline.settings.problems import Wrong

KEY_BYTES: Final = 32
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{64}")
_REMEDY: Final = 'write a reference: "env:NAME" or "file:/path", in development also "dev:word"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a reference led to."""

    data: bytes = field(repr=False)
    private: bool = True  # false: a file that everybody on the machine may read


# Given "env" or "file" and the name behind it. None when there is nothing.
FindSecret = Callable[[str, str], Found | None]


def find_nothing(_kind: str, _name: str) -> Found | None:
    """Find no secret: for settings whose keys are all development keys."""
    return None


def read_secret(reference: object, *, key: bool, production: bool, find: FindSecret) -> Secret:
    """Follow a reference. Raises Wrong, whose text never holds what was found, nor what stood in its place."""
    if not isinstance(reference, str):
        raise Wrong(f"is not a reference to a secret; {_REMEDY}")
    kind, _, name = reference.partition(":")
    if kind not in {"env", "file", "dev"} or not name:
        raise Wrong(f"holds something that is no reference to a secret; {_REMEDY}")
    if kind == "dev" and production:
        raise Wrong(
            f'is a development {"key" if key else "secret"}, refused in production; write "env:NAME" or "file:/path"'
        )
    if kind == "dev":
        return Secret(development_key(name) if key else f"dev-{name}".encode(), reference)
    data = _found(kind, name, production=production, find=find)
    return Secret(_key(data, reference) if key else _text(data, reference), reference)


def development_key(word: str) -> bytes:
    """Derive the development key of a word: no secret, the same everywhere."""
    return hashlib.sha256(f"ithaca development key: {word}".encode()).digest()


def _found(kind: str, name: str, *, production: bool, find: FindSecret) -> bytes:
    found = find(kind, name)
    if found is None and kind == "env":
        raise Wrong(f"refers to the variable {name}, which is not set; set it")
    if found is None:
        raise Wrong(f"refers to the file {name}, which cannot be read; create it, readable by this process")
    if production and not found.private:
        raise Wrong(f"refers to the file {name}, which every user of the machine can read; chmod o-r {name}")
    return found.data.strip()


def _key(data: bytes, reference: str) -> bytes:
    if _HEX.fullmatch(data):
        return bytes.fromhex(data.decode())
    standard = data.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        key = base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise Wrong(
            f"needs a key of 32 bytes in {reference}, in hexadecimal digits or base64; make one: openssl rand -hex 32"
        )
    return key


def _text(data: bytes, reference: str) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    lines = text.splitlines() if text.startswith("-----BEGIN ") else [text]  # PEM, RFC 7468
    if not text or not all(line.isprintable() for line in lines):
        raise Wrong(f"needs one line of text, or PEM, in {reference}, which is empty or holds other bytes")
    return data

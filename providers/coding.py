"""Content codings of an answer (RFC 9110, 8.4.1), of which none was asked for."""

import zlib
from typing import Final

_WITH_HEADER: Final = zlib.MAX_WBITS | 32  # gzip or zlib, as its first bytes say
_WITHOUT: Final = -zlib.MAX_WBITS  # what some servers call deflate
WINDOWS: Final = {"gzip": (_WITH_HEADER,), "x-gzip": (_WITH_HEADER,), "deflate": (_WITH_HEADER, _WITHOUT)}


def plain(body: bytes, coding: str, limit: int) -> bytes:
    """Give the first bytes of a body without its coding; nothing where that is not known, or not what was done."""
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return body
    for window in WINDOWS.get(coding, ()):
        try:
            return zlib.decompressobj(window).decompress(body, limit)
        except zlib.error:
            continue
    return b""

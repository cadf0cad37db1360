"""Content codings of answers."""

import gzip
import zlib

import pytest

from providers.coding import plain

BODY = b'{"id":"4b0f"}'
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
GZIPPED = gzip.compress(BODY, mtime=0)  # without the time, the same in each process
WITHOUT_HEADER = RAW.compress(BODY) + RAW.flush()


@pytest.mark.parametrize(
    ("body", "coding", "expected"),
    [
        (BODY, "", BODY),
        (BODY, "identity", BODY),
        (GZIPPED, "gzip", BODY),
        (GZIPPED, " X-GZip ", BODY),
        (zlib.compress(BODY), "deflate", BODY),
        (WITHOUT_HEADER, "deflate", BODY),
        (BODY, "gzip", b""),
        (BODY, "deflate", b""),
        (b"", "gzip", b""),
        (BODY, "br", b""),
        (GZIPPED, "gzip, br", b""),
    ],
)
def test_a_body_is_read_where_its_coding_is_known(body: bytes, coding: str, expected: bytes) -> None:
    assert plain(body, coding, 100) == expected


def test_a_bomb_gives_no_more_than_the_limit() -> None:
    assert plain(gzip.compress(bytes(10_000_000)), "gzip", 1000) == bytes(1000)

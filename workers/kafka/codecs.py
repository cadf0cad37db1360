"""Packed records -> plain records, never more of them than a limit: what a caller packed may be a bomb.

Topics keep what callers packed (`compression.type=producer`): a broker that unpacks it, to write it plain, has a
bomb in its heap, and refuses one of 400 MB only when that is exhausted (tried with 512 MB of heap on Kafka 4.3).
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import cramjam

LIMIT: Final = 4 * 1024 * 1024  # bytes; clients collect at most about 1 MiB of plain records in a batch
_GZIP: Final = 31  # zlib's number for it, with the largest window
_GZIP_BEGINS: Final = b"\x1f\x8b"
# Snappy as Java frames it (github.com/xerial/snappy-java): this, two versions of 4 bytes, blocks with their lengths.
_FRAMED: Final = b"\x82SNAPPY\x00"
_FRAME_BYTES: Final = 16
_LENGTH_BYTES: Final = 4


class Unreadable(ValueError):
    """A batch cannot be opened. The text says why, and nothing of what is in it."""


def unpack(codec: int, packed: bytes) -> bytes:
    """Unpack records. `codec` is Kafka's number, 1 to 4. Raises Unreadable."""
    if codec not in _CODECS:
        raise Unreadable(f"unknown codec {codec}")
    name, work = _CODECS[codec]
    try:
        return work(packed)
    except (zlib.error, cramjam.DecompressionError, ValueError) as error:
        detail = error if isinstance(error, Unreadable) else "broken, or too large"
        raise Unreadable(f"{name}: {detail}") from None


def _gunzip(packed: bytes) -> bytes:
    plain = b""
    while packed.startswith(_GZIP_BEGINS):
        member = zlib.decompressobj(_GZIP)
        plain += member.decompress(packed, _left(plain) + 1)
        _left(plain)
        if not member.eof:
            raise Unreadable("broken")
        packed = member.unused_data
    return plain


def _left(plain: bytes) -> int:
    """Give how many bytes more there may be. Raises Unreadable when there are too many already."""
    if len(plain) > LIMIT:
        raise Unreadable(f"over {LIMIT} bytes")
    return LIMIT - len(plain)


def _unsnap(packed: bytes) -> bytes:
    blocks = _blocks(packed) if packed.startswith(_FRAMED) else [packed]
    if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > LIMIT:
        raise Unreadable(f"over {LIMIT} bytes")
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _blocks(packed: bytes) -> list[bytes]:
    blocks, at = [], _FRAME_BYTES
    while at < len(packed):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(packed[at:begin], "big")
        blocks.append(packed[begin:at])
    return blocks


def _into(module: Any) -> Callable[[bytes], bytes]:
    def work(packed: bytes) -> bytes:
        room = bytearray(LIMIT)
        return bytes(room[: module.decompress_into(packed, room)])

    return work


_CODECS: Final[Mapping[int, tuple[str, Callable[[bytes], bytes]]]] = {
    1: ("gzip", _gunzip),
    2: ("snappy", _unsnap),
    3: ("lz4", _into(cramjam.lz4)),
    4: ("zstd", _into(cramjam.zstd)),
}

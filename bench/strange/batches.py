"""Record batches byte by byte, as no client library makes them (kafka.apache.org/documentation/#recordbatch)."""

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cramjam
from aiokafka.record.util import calc_crc32c

ANSWER_S: Final = 60.0
_RETRY_S: Final = 0.05
_NO_LEADER: Final = frozenset(
    {3, 6}
)  # yet: the topic has just been made (kafka.apache.org/protocol#protocol_error_codes)
_HEAD: Final = struct.Struct(">qiibI")  # base offset, length, leader epoch, magic, checksum
_BODY: Final = struct.Struct(
    ">hiqqqhii"
)  # attributes, last offset delta, first and last time, producer, epoch, sequence
_NOW_MS: Final = 1_700_000_000_000  # the broker stamps the records anew


def _lz4(plain: bytes) -> bytes:
    packer = cramjam.lz4.Compressor(level=9, content_checksum=False, block_linked=False)  # as Kafka reads it
    packer.compress(plain)
    return bytes(packer.finish())


CODECS: Final[Mapping[str, tuple[int, Callable[[bytes], bytes]]]] = {
    "none": (0, lambda plain: plain),
    "gzip": (1, gzip.compress),
    "snappy": (2, lambda plain: bytes(cramjam.snappy.compress_raw(plain))),
    "lz4": (3, _lz4),
    "zstd": (4, lambda plain: bytes(cramjam.zstd.compress(plain))),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What of a batch is not as it should be."""

    codec: int | None = None  # the number that stands for it, whatever the records are packed with
    packed: bytes | None = None  # in place of the packed records
    wrong_checksum: bool = False
    count: int | None = None  # of records, as it says


AS_USUAL: Final = Odd()


def record(
    value: bytes | None, *, delta: int = 0, key: bytes = b"key", header: bytes | None = None, flags: int = 0
) -> bytes:
    """Make one record. `header` is the name of its only header; `flags` are its attributes, of which Kafka has none."""
    headers = b"\x00" if header is None else _varint(1) + _varint(len(header)) + header + _varint(0)
    body = bytes([flags]) + _varint(0) + _varint(delta) + _bytes(key) + _bytes(value) + headers
    return _varint(len(body)) + body


def batch(records: Sequence[bytes], *, codec: str = "none", odd: Odd = AS_USUAL) -> bytes:
    """Make a batch."""
    number, pack = CODECS[codec]
    packed = pack(b"".join(records)) if odd.packed is None else odd.packed
    number = number if odd.codec is None else odd.codec
    count = len(records) if odd.count is None else odd.count
    body = _BODY.pack(number, len(records) - 1, _NOW_MS, _NOW_MS, -1, -1, -1, count) + packed
    checksum = calc_crc32c(body) ^ odd.wrong_checksum
    return _HEAD.pack(0, len(body) + 9, -1, 2, checksum) + body


def bomb(mebibytes: int) -> bytes:
    """Make a batch of so many records of nearly 1 MiB each, gzipped a thousandfold."""
    packer, packed = zlib.compressobj(9, zlib.DEFLATED, 31), b""
    for delta in range(mebibytes):
        packed += packer.compress(record(bytes(2**20 - 100), delta=delta))
    return batch([b""] * mebibytes, odd=Odd(codec=CODECS["gzip"][0], packed=packed + packer.flush()))


def produce(bootstrap: str, topic: str, partition: int, made: bytes) -> int:
    """Produce a batch, once the partition has a leader; give the error code of the broker, 0 when it took it."""
    deadline = time.monotonic() + ANSWER_S
    while (code := _try(bootstrap, topic, partition, made)) in _NO_LEADER and time.monotonic() < deadline:
        time.sleep(_RETRY_S)
    return code


def _try(bootstrap: str, topic: str, partition: int, made: bytes) -> int:
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    place = struct.pack(">i", 1) + _string(topic) + struct.pack(">iii", 1, partition, len(made)) + made
    request = struct.pack(">hhi", 0, 7, 1) + _string("strange") + struct.pack(">hhi", -1, -1, 30_000) + place
    with socket.create_connection((host, int(port)), ANSWER_S) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        answer = _exactly(broker, struct.unpack(">i", _exactly(broker, 4))[0])
    at = 4 + 4 + 2 + len(topic.encode()) + 4 + 4  # correlation, topics, name, partitions, partition
    return int(struct.unpack_from(">h", answer, at)[0])


def _exactly(broker: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = broker.recv(size - len(got))
        if not part:
            raise ConnectionResetError("the broker has closed the connection")
        got += part
    return got


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _bytes(value: bytes | None) -> bytes:
    return _varint(-1) if value is None else _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Write a signed number, zigzag, 7 bits a byte, lowest first."""
    left, made = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)

"""Which offsets of one partition are finished; commit position and metadata map.

Records finish in any order. What is committed is the first unfinished offset (the position), and with it, as the
commit's metadata, the map of what is finished beyond it, so that a restart repeats only what finished after the last
commit. Offsets that never came (compacted, transaction markers, deleted) count as finished.
"""

import binascii
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_METADATA: Final = 4096  # characters; the broker's default of `offset.metadata.max.bytes`
_VERSION: Final = "1"
_CHECKSUM_BYTES: Final = 4
_MAX_RUN_BYTES: Final = (MAX_METADATA - len(_VERSION)) // 4 * 3 - _CHECKSUM_BYTES  # base64 makes 4 of 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What is committed for one partition."""

    position: int  # the first unfinished offset
    metadata: str = ""  # the map of finished offsets beyond it


class Offsets:
    """The finished offsets of one partition, for as long as it is ours.

    `take` and `fits` are asked in the order of the log, `finish` in any order.
    """

    __slots__ = ("_early", "_end", "_next", "_unfinished", "_untaken")

    def __init__(self, committed: Commit | None = None) -> None:
        holes, end = _decode(committed) if committed else ((), 0)
        self._unfinished: dict[int, None] = dict.fromkeys(holes)  # ascending, because taken in that order
        self._untaken = deque(holes)  # those of them that have not come again yet
        self._end: int | None = end if committed else None  # every known offset is below it
        self._next = committed.position if committed else 0  # no record that comes next is below it
        self._early: set[int] = set()  # finished by a task that was started before the partition came back to us

    @property
    def position(self) -> int | None:
        """The first unfinished offset; None while nothing was ever committed or taken."""
        return next(iter(self._unfinished), self._end)

    @property
    def unfinished(self) -> int:
        """How many known offsets are not finished."""
        return len(self._unfinished)

    def fits(self, offset: int) -> bool:
        """Tell whether the map will still fit into the metadata after `offset` is taken, whatever finishes when."""
        position = self.position
        span = offset + 1 - position if position is not None else 1
        return _worst_bytes(len(self._unfinished) + 1, span) <= _MAX_RUN_BYTES

    def take(self, offset: int) -> bool:
        """Note the next record of the log. False: it is finished already and is to be skipped."""
        if self._end is None or offset < self._next:
            self._restart(offset)
        assert self._end is not None
        self._forget_below(offset)
        self._next = offset + 1
        if offset < self._end:
            return offset in self._unfinished
        self._end = offset + 1
        if offset in self._early:
            self._early.discard(offset)
            return False
        self._unfinished[offset] = None
        return True

    def finish(self, offset: int) -> None:
        """Note that the work on `offset` is done for good."""
        if offset in self._unfinished:
            del self._unfinished[offset]
        elif self._end is None or offset >= self._end:
            self._early.add(offset)

    def commit(self) -> Commit | None:
        """Give what is to be committed now; None when nothing is known."""
        position = self.position
        if position is None or self._end is None:
            return None
        return Commit(position=position, metadata=_encode(position, tuple(self._unfinished), self._end))

    def _restart(self, offset: int) -> None:
        """Start over: a record below the expected one means that the log was cut or made anew."""
        self._unfinished.clear()
        self._untaken.clear()
        self._early.clear()
        self._end = offset

    def _forget_below(self, offset: int) -> None:
        """Drop unfinished offsets that the log has passed without showing them: retention removed them."""
        while self._untaken and self._untaken[0] <= offset:
            gone = self._untaken.popleft()
            if gone < offset:
                self._unfinished.pop(gone, None)


def _worst_bytes(unfinished: int, span: int) -> int:
    """Bound the bytes of the runs of `unfinished` offsets within `span` offsets, however they lie.

    A run of n unfinished offsets takes at most n bytes. There are at most as many runs of finished ones; each takes
    one byte, and one more for every 7 bits of its length, and only so many runs of such a length fit into the span.
    """
    return unfinished + sum(min(unfinished, span >> bits) for bits in range(0, 64, 7))


def _encode(position: int, unfinished: tuple[int, ...], end: int) -> str:
    """Write the lengths of the runs from `position` to `end`: unfinished, finished, unfinished, ..."""
    if position == end:
        return ""
    runs = b"".join(_varint(length) for length in _runs(unfinished, end))
    body = _checksum(position, runs) + runs
    return _VERSION + binascii.b2a_base64(body, newline=False).decode("ascii")


def _decode(committed: Commit) -> tuple[tuple[int, ...], int]:
    """Give the unfinished offsets and the end; what is not certainly our own map of this position says nothing."""
    nothing: tuple[tuple[int, ...], int] = ((), committed.position)
    if not committed.metadata.startswith(_VERSION):
        return nothing
    try:
        body = binascii.a2b_base64(committed.metadata[len(_VERSION) :].encode("ascii"))
    except ValueError:  # binascii.Error and UnicodeEncodeError are ones
        return nothing
    checksum, runs = body[:_CHECKSUM_BYTES], body[_CHECKSUM_BYTES:]
    if checksum != _checksum(committed.position, runs):
        return nothing
    return _offsets(committed.position, _lengths(runs))


def _checksum(position: int, runs: bytes) -> bytes:
    return zlib.crc32(runs, zlib.crc32(str(position).encode())).to_bytes(_CHECKSUM_BYTES, "big")


def _runs(unfinished: tuple[int, ...], end: int) -> Iterator[int]:
    first = last = unfinished[0]
    for offset in unfinished[1:]:
        if offset != last + 1:
            yield last + 1 - first
            yield offset - last - 1
            first = offset
        last = offset
    yield last + 1 - first
    yield end - last - 1


def _offsets(position: int, lengths: Iterator[int]) -> tuple[tuple[int, ...], int]:
    unfinished: list[int] = []
    end = position
    for index, length in enumerate(lengths):
        if index % 2 == 0:
            unfinished.extend(range(end, end + length))
        end += length
    return tuple(unfinished), end


def _varint(number: int) -> bytes:
    """Write 7 bits a byte, lowest first, the high bit set on all but the last (LEB128)."""
    digits = bytearray()
    while number >= 0x80:  # noqa: PLR2004 - the eighth bit
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _lengths(runs: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in runs:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the eighth bit
            yield number
            number = shift = 0

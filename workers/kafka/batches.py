"""Opens what was fetched batch by batch, in place of aiokafka.

aiokafka 0.14.0 lets one batch that it cannot open end the fetch of all partitions, and comes back to it for ever; a
packed batch it unpacks whole, however large that makes it; and of offsets without a record it tells nothing. Here a
batch that cannot be opened is passed over, and whatever is no record is told as `Nothing`, so that who reads knows
that nothing was left out. What it is follows from the log alone.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord

from workers.kafka.codecs import Unreadable, unpack

# Base offset, length, leader epoch, magic, checksum, attributes, last offset delta, first and last time, producer,
# its epoch, sequence, count (kafka.apache.org/documentation/#recordbatch).
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AT: Final = 8
_ATTRIBUTES_AT: Final = 21
_BEFORE_LENGTH: Final = 12  # bytes of a batch that its length does not count
_MAGIC: Final = 2
_CODEC: Final = 0x07
_TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20


class Nothing(dict[str, bytes]):
    """Stands in place of headers, with a record that is none: from `first` to its offset there is no record for us.

    A dict, because faust takes headers of no other kind.
    """

    def __init__(self, first: int, unreadable: str | None = None) -> None:
        super().__init__()
        self.first = first
        self.unreadable = unreadable  # why the batch could not be opened; none: markers, or never committed


class Head(NamedTuple):
    """What a batch says of itself."""

    base: int  # offset
    following: int  # offset
    magic: int
    attributes: int
    stamp_ms: int
    producer: int

    @classmethod
    def of(cls, raw: bytes) -> "Head":
        """Read it."""
        base, _, _, magic, _, attributes, last, _, stamp_ms, producer, *_ = _HEAD.unpack_from(raw)
        following = base + (last if magic == _MAGIC else 0) + 1
        return cls(base, following, magic, attributes, stamp_ms, producer)


class RawBatches:
    """What was fetched of one partition, cut into batches. In place of aiokafka's MemoryRecords."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched

    def size_in_bytes(self) -> int:
        """Tell how much was fetched, with a batch that was cut off at the end."""
        return len(self._fetched)

    def has_next(self) -> bool:
        """Tell whether there is a whole batch."""
        return next(iter(self), None) is not None

    def __iter__(self) -> Iterator[bytes]:
        at, end = 0, len(self._fetched)
        while at + _HEAD.size <= end:
            (length,) = struct.unpack_from(">i", self._fetched, at + _LENGTH_AT)
            following = at + _BEFORE_LENGTH + length
            if following > end:
                return
            yield self._fetched[at:following]
            at = following


class OpenedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka's class is untyped
    """The records of one fetch and partition, and what is none. In place of aiokafka's PartitionRecords."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[ConsumerRecord[bytes, bytes]]:
        for raw in self._records:
            head = Head.of(raw)
            if head.following <= self.next_fetch_offset:
                continue
            opened = self._open(head, raw)
            if isinstance(opened, Nothing):
                self.next_fetch_offset = head.following
                yield self._none(head, opened)
                continue
            for record in opened:
                if record.offset >= self.next_fetch_offset:
                    self.next_fetch_offset = record.offset + 1
                    yield self._consumer_record(self._tp, record)
            self.next_fetch_offset = head.following

    def _open(self, head: Head, raw: bytes) -> list[Any] | Nothing:
        """Give the records of a batch; all of them or none, so that a restart in the middle changes nothing."""
        first = max(head.base, self.next_fetch_offset)
        try:
            batch = _checked(head, raw)
            if self._is_none(head, batch):
                return Nothing(first)
            return list(_plain(head, raw) if head.attributes & _CODEC else batch) or Nothing(first)
        except Unreadable as error:
            return Nothing(first, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a caller wrote, it must not end the fetch
            return Nothing(first, type(error).__name__)  # its text may quote the record

    def _is_none(self, head: Head, batch: Any) -> bool:
        """Tell whether it is a marker, or part of a transaction that was aborted."""
        self._consume_aborted_up_to(head.base)
        if head.attributes & _CONTROL:
            if self._contains_abort_marker(batch):
                self._aborted_producers.discard(head.producer)
            return True
        return bool(head.attributes & _TRANSACTIONAL) and head.producer in self._aborted_producers

    def _none(self, head: Head, nothing: Nothing) -> ConsumerRecord[bytes, bytes]:
        topic, partition = self._tp
        return ConsumerRecord(
            topic=topic,
            partition=partition,
            offset=head.following - 1,
            timestamp=head.stamp_ms,
            timestamp_type=1,
            key=None,
            value=None,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=-1,
            headers=nothing,
        )


def _checked(head: Head, raw: bytes) -> Any:
    if head.magic != _MAGIC:
        raise Unreadable(f"format {head.magic}")
    batch = MemoryRecords(raw).next_batch()
    if not batch.validate_crc():
        raise Unreadable("wrong checksum")
    return batch


def _plain(head: Head, raw: bytes) -> Any:
    """Make a batch of the same records that is not packed."""
    plain = unpack(head.attributes & _CODEC, raw[_HEAD.size :])
    made = bytearray(raw[: _HEAD.size] + plain)
    struct.pack_into(">i", made, _LENGTH_AT, len(made) - _BEFORE_LENGTH)
    struct.pack_into(">h", made, _ATTRIBUTES_AT, head.attributes & ~_CODEC)
    return MemoryRecords(bytes(made)).next_batch()


# The fetcher of every consumer, faust's too, finds its classes here.
fetcher.MemoryRecords = RawBatches
fetcher.PartitionRecords = OpenedRecords

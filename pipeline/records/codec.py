"""Records to bytes and back."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args

import msgspec
import orjson

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records.fields import VERSION
from pipeline.records.flow import (
    Attempt,
    DeadLetter,
    Expired,
    OtpRequest,
    Receipt,
    Resolution,
    Retry,
    Verification,
)
from pipeline.records.steering import Incident, Order, RouteTable, Tally

MAX_RECORD_BYTES: Final = 64 * 1024  # what any door takes; Kafka's own limit is 1 MiB
MAX_DEPTH: Final = 16  # nesting; ours is 4

Record = (
    OtpRequest
    | Attempt
    | Retry
    | Receipt
    | Verification
    | DeadLetter
    | Resolution
    | Expired
    | Tally
    | RouteTable
    | Incident
    | Order
)
R = TypeVar("R", bound=Record)
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[Mapping[type, "msgspec.json.Decoder[Any]"]] = {
    kind: msgspec.json.Decoder(kind) for kind in get_args(Record)
}


def encode(record: Record) -> bytes:
    """Give the bytes that go on the topic: JSON, UTC instants with `Z`, microseconds."""
    return _ENCODER.encode(record)


def decode(kind: type[R], value: bytes | None) -> R:
    """Read a record of one kind, ignoring fields that are not known.

    Raises InvalidMessage, naming the field but never its content.
    """
    if value is None:
        raise InvalidMessage(DeadReason.UNDECODABLE, "the record is null")
    if len(value) > MAX_RECORD_BYTES:
        raise InvalidMessage(DeadReason.OVERSIZED, f"{len(value)} bytes, at most {MAX_RECORD_BYTES}")
    try:
        record: R = _DECODERS[kind].decode(value)
        if record.v == VERSION:
            return record
        fault = ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        fault = str(error)
    raise _refusal(value, fault)


def schema(kind: type[Any]) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of one kind of record, made from the record itself."""
    return msgspec.json.schema(kind)


def _refusal(value: bytes, fault: str) -> InvalidMessage:
    """Say why these bytes are not a record, by what can be read of them; `fault` is the decoder's word."""
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return InvalidMessage(DeadReason.UNDECODABLE, f"not JSON at position {error.pos}")
    if not isinstance(document, dict):
        return InvalidMessage(DeadReason.UNDECODABLE, "not a JSON object")
    source = _source(document)
    if document.get("v", VERSION) != VERSION:
        return InvalidMessage(DeadReason.UNKNOWN_VERSION, f"`v` is not {VERSION}", source=source)
    return InvalidMessage(DeadReason.INVALID_FIELD, _blank(fault), source=source)


def _source(document: dict[str, Any]) -> str | None:
    inner = document.get("request", document)
    caller = inner.get("caller") if isinstance(inner, dict) else None
    return caller if isinstance(caller, str) and len(caller) <= 63 else None  # noqa: PLR2004 - the length of Name


def _blank(text: str) -> str:
    """Keep msgspec's path and complaint, drop any value it quotes (`Invalid enum value 'x'`)."""
    head, _, path = text.partition(" - at ")
    return f"{head.split(chr(39))[0].strip()} at {path.strip('`') or '$'}"

"""Records to bytes and back."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args

import msgspec
import orjson

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records.fields import VERSION, Id, Name
from pipeline.records.flow import (
    Attempt,
    DeadLetter,
    Expired,
    OtpRequest,
    Receipt,
    RefusedRequest,
    Resolution,
    Retry,
    Verification,
)
from pipeline.records.steering import Incident, Order, RouteTable, Tally
from pipeline.records.writing import as_written

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
    | RefusedRequest
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
# What other people's programs write is read as it is meant; what our own write is as the schema says.
_OF_CALLERS: Final[frozenset[type]] = frozenset({OtpRequest, Verification})


def encode(record: Record) -> bytes:
    """Give the bytes that go on the topic: JSON, UTC instants with `Z`, microseconds."""
    return _ENCODER.encode(record)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says of itself, where that can be read and is one."""

    request_id: Id | None = None
    caller: Name | None = None


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
    return _as_meant(kind, _object(value), fault)


def named(value: bytes | None) -> Named:
    """Tell what a record that cannot be read as a whole says of itself."""
    if value is None or len(value) > MAX_RECORD_BYTES:
        return Named()
    try:
        return _names_of(_object(value))
    except InvalidMessage:
        return Named()


def as_request_id(key: bytes | None) -> str | None:
    """Give the key of a record where it may be a request's id."""
    return _valid({"request_id": (key or b"").decode(errors="replace")}).request_id


def schema(kind: type[Any]) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of one kind of record, made from the record itself."""
    return msgspec.json.schema(kind)


def _object(value: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidMessage(DeadReason.UNDECODABLE, f"not JSON at position {error.pos}") from None
    if not isinstance(document, dict):
        raise InvalidMessage(DeadReason.UNDECODABLE, "not a JSON object")
    return document


def _as_meant(kind: type[R], document: dict[str, Any], fault: str) -> R:
    """Read what is not as the schema says, or say why it is no record; `fault` is the decoder's word."""
    source = _names_of(document).caller
    if document.get("v") not in (None, VERSION):
        raise InvalidMessage(DeadReason.UNKNOWN_VERSION, f"`v` is not {VERSION}", source=source)
    if kind in _OF_CALLERS:
        try:
            return msgspec.convert(as_written(kind, document), kind)
        except msgspec.ValidationError as error:
            fault = str(error)
    raise InvalidMessage(DeadReason.INVALID_FIELD, _blank(fault), source=source)


def _names_of(document: dict[str, Any]) -> Named:
    inner = document.get("request", document)
    if not isinstance(inner, dict):
        return Named()
    names = [_valid({name: inner.get(name)}) for name in Named.__struct_fields__]
    caller = names[1].caller
    # A number in the wrong field would be a name, too.
    return Named(request_id=names[0].request_id, caller=caller if caller and not caller.isdigit() else None)


def _valid(names: dict[str, Any]) -> Named:
    try:
        return msgspec.convert(names, Named)
    except msgspec.ValidationError:
        return Named()


def _blank(text: str) -> str:
    """Keep msgspec's path and complaint, drop any value it quotes (`Invalid enum value 'x'`)."""
    head, _, path = text.partition(" - at ")
    return f"{head.split(chr(39))[0].strip()} at {path.strip('`') or '$'}"

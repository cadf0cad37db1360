"""Every record on a topic, frozen; encode and decode.

Records are JSON objects. `v` is the major version: a reader ignores fields it does not know and refuses a version
it does not know. Instants are aware UTC (RFC 3339 on the wire) and broker time wherever processes must agree.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec
import orjson

from pipeline.errors import DeadReason, InvalidMessage, Outcome

MAX_RECORD_BYTES: Final = 64 * 1024  # what any door takes; Kafka's own limit is 1 MiB
MAX_DEPTH: Final = 16  # nesting; ours is 4
VERSION: Final = 1
LONGEST_LIFE: Final = timedelta(seconds=600)  # of a code: NIST SP 800-63B-4 and OWASP ASVS 5.0 allow 10 minutes

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{16,64}$(?!\n)", description="URL-safe, unguessable, unique")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)")]
Country = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|001)$(?!\n)", description="ISO 3166-1 alpha-2")]
Locale = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$(?!\n)", description="BCP 47")]
Instant = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with offset")]
Sealed = Annotated[str, msgspec.Meta(max_length=2048, description="compact JWE, `dir` with `A256GCM` (RFC 7516)")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Number = Annotated[int, msgspec.Meta(ge=1, le=1000, description="of the attempt: 1 for the first of a request")]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class OtpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Get a one-time code to a phone. Key: `request_id`. Topic: `otp.requests`."""

    v: int = VERSION
    request_id: Id
    caller: Name  # the auth service that asks, as named in the settings
    to: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]  # sealed E.164; plain only in development
    purpose: Word  # such as login; a new request of the same caller, number and purpose voids the old one
    locale: Locale = "en"
    issued_at: Instant
    expires_at: Instant  # at most 600 s after issued_at (NIST SP 800-63B-4 and OWASP ASVS 5.0 allow 10 minutes)
    code: Sealed | None = None  # a code of the caller's own, sealed like the number
    resend: Count = 0  # how often the person has asked again: each value is one more attempt of this request


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over to one provider. Key: `request_id`. Topic: `otp.attempts`."""

    v: int = VERSION
    request_id: Id
    number: Number
    caller: Name
    provider: Name
    country: Country
    number_hash: str  # keyed hash of the phone number
    trigger: str  # first, failover, second_look or resend
    outcome: Outcome
    code: str | None = None  # the provider's error code, or our short word
    retry_after_s: float | None = None
    message_id: str | None = None  # the provider's own
    segments: Count
    sent_at: Instant  # directly before the bytes left; its second is the send second
    duration_ms: float
    config: str  # hash of the routing-relevant settings
    excused: Count = 0  # how often it was taken over from an owner whose outcome is unknowable, and sent again
    test: bool = False  # a test number: everything happened except the send


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be looked at again when its tier is due. Key: `request_id`. Topics: `otp.retry.*`."""

    v: int = VERSION
    request: OtpRequest
    number_hash: str
    country: Country
    kid: Word  # of the master key that the code is derived from
    starts_at: Instant  # when the code's life began, in broker time
    deadline_at: Instant  # when it ends
    attempts: tuple[Attempt, ...]  # oldest first; may be empty when no provider could take the first one
    waiting: str | None = None  # the trigger of the attempt that no provider could take yet
    source: str | None = None  # while it waits: the name that the claims of that attempt go by


class ReceiptState(StrEnum):
    """Delivery receipt states of SMPP 3.4, section 5.2.28."""

    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says became of an attempt. Key: `request_id`. Topic: `otp.receipts`."""

    v: int = VERSION
    request_id: Id
    number: Number
    provider: Name
    country: Country
    state: ReceiptState
    raw: str  # the provider's own word
    code: str | None = None  # the provider's error code
    message_id: str | None = None
    sent_at: Instant  # the attempt's send second, from the token
    received_at: Instant
    config: str


class Verdict(StrEnum):
    """What became of an entered code."""

    VERIFIED = "verified"
    REFUSED = "refused"  # wrong, expired, used or unknown: one word, as for the caller


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A person entered a code. Key: `request_id`. Topic: `otp.verifications`."""

    v: int = VERSION
    request_id: Id
    caller: Name
    verdict: Verdict
    provider: Name | None = None  # the one that is known to have delivered it, else none
    country: Country | None = None
    sent_at: Instant | None = None  # the credited attempt's send second
    config: str | None = None
    at: Instant


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dead letter came from."""

    topic: str
    partition: Whole
    offset: Whole


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What cannot be sent, and why. Key: `request_id`, or none. Topic: `otp.dead`.

    Of a record that could not be read only its origin and size travel: its bytes may hold a number or a code.
    """

    v: int = VERSION
    reason: DeadReason
    detail: str
    origin: Origin
    size: Whole  # bytes of the original record
    at: Instant
    request_id: Id | None = None  # where it could be read
    caller: Name | None = None
    request: OtpRequest | None = None  # always sealed
    number_hash: str | None = None
    country: Country | None = None
    attempts: tuple[Attempt, ...] = ()


Record = OtpRequest | Attempt | Retry | Receipt | Verification | DeadLetter
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

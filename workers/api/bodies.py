"""What travels through the HTTP door, and how a body is read."""

import codecs
import re
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
import orjson
from aiohttp import web

from pipeline.errors import Outcome
from pipeline.records import LONGEST_LIFE, Locale, ReceiptState, Word
from pipeline.records.fields import Instant
from workers.web.problems import Problem, invalid, read_body

LONGEST_LIFE_S: Final = int(LONGEST_LIFE.total_seconds())

PhoneNumber = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\+[1-9][0-9]{6,14}$(?!\n)",
        description="E.164; premium-rate numbers are refused unless the settings allow them",
    ),
]
Life = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LIFE_S, description="life of the code in seconds")]
EnteredCode = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=1024,  # a whole message that was pasted, and more
        description="as the person entered it: digits of any script, with blanks, dashes or a sentence around them",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOtp:
    """Get a one-time code to a phone."""

    to: PhoneNumber = field(repr=False)
    purpose: Word  # a new request of the same caller, number and purpose voids the old one
    locale: Locale = "en"
    ttl_s: Life | None = None  # the default is a setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOtp:
    """Kafka has the request."""

    request_id: str
    expires_at: Instant
    resend_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A code that a person entered."""

    code: EnteredCode = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Whether it was right: false for wrong, expired, used and unknown alike.

    The same right code again within 10 s is true again, and counted once.
    """

    verified: bool


class OtpState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    VERIFIED = "verified"
    SUPERSEDED = "superseded"  # by a newer request of the same caller, number and purpose
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineAttempt:
    """One hand-over to one provider, and the newest that its receipts said."""

    number: int
    provider: str
    trigger: str
    outcome: Outcome
    at: Instant
    receipt: ReceiptState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What became of a request."""

    request_id: str
    state: OtpState
    issued_at: Instant
    expires_at: Instant
    verified_at: Instant | None
    attempts: tuple[TimelineAttempt, ...]


B = TypeVar("B", NewOtp, Entered)

# What a field must look like, in words; everything else is said well by the validation itself.
_SHAPES: Final = {
    "to": "not E.164, such as +447700900123",
    "purpose": "not 1 to 64 letters, digits, dots, hyphens or underscores",
    "locale": "not a BCP 47 tag, such as en or pt-BR",
}
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")
_MISSING: Final = re.compile(r"missing required field `(\w+)`")


async def read(request: web.Request, kind: type[B]) -> B:
    """Read a JSON body of one kind. Raises Problem, naming the field and never its content."""
    document = _object(await read_body(request))
    known = {field.name for field in fields(kind)}
    optional = {field.name for field in fields(kind) if field.default is not MISSING}
    for name in document.keys() - known:
        # A name may be anything, a number or a code too, so that only what looks like a name is repeated.
        shown = name if _NAME.fullmatch(name) else None
        raise invalid(shown, f"no such field; there are {sorted(known)}")
    try:
        # Many languages write null for what is not set.
        said = {name: value for name, value in document.items() if value is not None or name not in optional}
        return msgspec.convert(said, type=kind)
    except msgspec.ValidationError as error:
        raise _problem(str(error)) from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body.removeprefix(codecs.BOM_UTF8))  # some clients write one; RFC 8259, section 8.1
    except orjson.JSONDecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: position {error.pos}") from None
    if not isinstance(document, dict):
        raise invalid(None, "the body is not a JSON object")
    return document


def _problem(text: str) -> Problem:
    complaint, _, path = text.partition(" - at ")
    missing = _MISSING.search(complaint)
    name = missing[1] if missing else path.strip("`").removeprefix("$.")
    detail = _SHAPES[name] if "matching regex" in complaint else complaint
    return invalid(name, f"`{name}`: {detail}")

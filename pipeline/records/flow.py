"""Records of one request on its way: asked for, handed over, reported, entered, dead."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from pipeline.errors import DeadReason, Outcome
from pipeline.records.fields import VERSION, Count, Country, Id, Instant, Locale, Name, Number, Sealed, Whole, Word
from pipeline.records.steering import Sent


class OtpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Get a one-time code to a phone. Key: `request_id`. Topic: `otp.requests`."""

    v: int = VERSION
    request_id: Id
    caller: Name  # the auth service that asks, as named in the settings
    to: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=2048,
            description="the number in E.164, sealed: compact JWE, `dir` with `A256GCM` (RFC 7516). "
            "Plain where `otp.plain_numbers` allows it, in development",
        ),
    ]
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
    probe: bool = False  # its route was known to be broken: it is looked at early
    replaces: Sent | None = None  # of a resend or a second look: the attempt before it, of which nothing was heard
    refutes: tuple[Sent, ...] = ()  # it was taken: the attempts that others refused as bad number or bad text


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be looked at again when its tier is due. Key: `request_id`. Topics: `otp.retry.*`."""

    v: int = VERSION
    request: OtpRequest
    number_hash: str | None = None  # none, as the country: of a redriven record that could not be opened before
    country: Country | None = None
    kid: Word  # of the master key that the code is derived from
    starts_at: Instant  # when the code's life began, in broker time
    deadline_at: Instant  # when it ends
    attempts: tuple[Attempt, ...]  # oldest first; may be empty when no provider could take the first one
    waiting: str | None = None  # the trigger of the attempt that no provider could take yet
    source: str | None = None  # while it waits, and when it is redriven: the name that its claims go by
    # The attempts up to this number were made before an operator's redrive. They count no more: neither against the
    # limit, nor are their providers left out.
    redriven: Count = 0


class ReceiptState(StrEnum):
    """Delivery receipt states of SMPP 3.4, section 5.2.28."""

    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


# The message will never arrive.
FAILED_STATES: Final = frozenset({ReceiptState.UNDELIVERABLE, ReceiptState.EXPIRED, ReceiptState.REJECTED})


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


class Reporter(StrEnum):
    """Who says that a code was entered."""

    API = "api"  # which compared it
    CALLER = "caller"  # of a code of its own


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A person entered a code. Key: `request_id`. Topic: `otp.verifications`.

    Whoever sent a code of its own says so here: with `verified` the request is over, and nothing more is sent for it.
    """

    v: int = VERSION
    request_id: Id
    caller: Name
    verdict: Verdict
    reported_by: Reporter = Reporter.CALLER
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
    request_id: Id | None = None  # where it could be read, there or in the record's key
    caller: Name | None = None
    request: OtpRequest | None = None  # always sealed
    number_hash: str | None = None
    country: Country | None = None
    attempts: tuple[Attempt, ...] = ()
    # What a redrive goes on with.
    kid: Word | None = None  # of the master key that the code is derived from; none: no code was derived
    starts_at: Instant | None = None  # when the code's life began, in broker time; none: it could not be told
    deadline_at: Instant | None = None  # when it ends
    source: str | None = None  # the name that its claims go by; none: its origin's


class LetterState(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"  # nothing yet
    REDRIVEN = "redriven"  # dispatch was given it again
    EXPIRED = "expired"  # the code's life was over: nothing was sent, and its caller can read so
    PURGED = "purged"  # out of the way, as an operator wanted; never redriven


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with a dead letter. Key: `letter`. Topic: `otp.resolutions`."""

    v: int = VERSION
    letter: str  # the name that its claims go by, and the number of its last attempt
    died_at: Instant  # one that dies later by the same name, after a redrive that failed, is another
    request_id: Id | None = None
    state: LetterState
    author: Word
    at: Instant


class RefusedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wrote and nothing was sent for, and why. Key: `request_id`, or none. Topic: `otp.refused`.

    There is one for each dead letter, and one for each wish for another message that came too soon or too often.
    A record may be told of more than once.
    """

    v: int = VERSION
    request_id: Id | None = None  # of the record, or its key where the record could not be read; none: neither is an id
    caller: Name | None = None  # where it could be read
    reason: DeadReason
    detail: str  # names the field and what is wrong with it, and never its content
    resend: Count = 0  # the record's: 0 is the request itself
    origin: Origin  # where the record is
    at: Instant


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was never handed over, and now never will be. Key: `request_id`. Topic: `otp.expired`.

    Its caller may offer the person another one, which is a new request. A request may be told of more than once.
    """

    v: int = VERSION
    request_id: Id
    caller: Name
    purpose: Word
    expired_at: Instant  # the end of the code's life; no send starts in the last part of it, so it may be to come
    reason: DeadReason  # why it was not sent while it lived

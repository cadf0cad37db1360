"""What a dispatcher asks of a row before it sends, and what it is answered."""

from enum import StrEnum

from msgspec import Struct

from pipeline.dispatch.decision import Seen
from pipeline.records import Attempt


class ClaimVerdict(StrEnum):
    """What a claim of (request, attempt number) by a source is answered."""

    GRANTED = "granted"  # send
    EXCUSED = "excused"  # send again: an earlier owner is gone and its outcome unknowable
    KNOWN = "known"  # this source did it already: produce again what follows, send nothing
    WAIT = "wait"  # this source is being worked on by another owner whose lease lives
    DUPLICATE = "duplicate"  # another record has claimed this attempt
    VERIFIED = "verified"  # the person has entered the code: an attempt whose outcome nobody kept has brought it
    VOID = "void"  # a newer request took its place
    OTHER_TO = "other_to"  # the request's first record has another number
    OTHER_CODE = "other_code"  # it has another code of the caller's own, or one of the two has none
    TOO_SOON = "too_soon"  # a wish that comes too soon after the request, or after the wish before
    TOO_MANY = "too_many"  # the request has had as many attempts as it may have
    UNCLAIMED = "unclaimed"  # the store is away: go on without


class AttemptHistory(Struct, frozen=True, kw_only=True):
    """What a request has had before a wish for another message."""

    attempts: tuple[Attempt, ...] = ()  # oldest first, without the wish's own
    itself: bool = False  # the wish has had its attempt: it comes again


class Claim(Struct, frozen=True, kw_only=True):
    """The wish to make one attempt. Carries what a new row needs."""

    request_id: str
    number: int  # of the attempt; 0 with `resend`: the next one
    resend: int  # ordinal of the person's wish for another message; 0: none
    source: str  # topic/partition/offset of the record that asks
    caller: str
    number_hash: str
    kid: str
    purpose: str
    issued_ms: int  # broker time, as the deadline: the order in which requests void each other
    deadline_ms: int
    request: str  # the sealed request, for resends
    own: str  # keyed hash of the caller's own code; nothing where the code is derived
    most: int  # attempts that the request may have; those that reached nobody count for nothing
    asked_ms: int  # broker time: when the wish came
    gap_ms: int  # between the request, or the wish before, and a wish that did not come through the API

    @property
    def key(self) -> tuple[str, int, int]:
        """Name the attempt that is claimed."""
        return self.request_id, self.number, self.resend


class Claimed(Struct, frozen=True, kw_only=True):
    """The answer to a claim."""

    verdict: ClaimVerdict
    number: int  # the attempt's
    kid: str  # of the master key: the row's, where there is one
    deadline_ms: int  # the row's, where there is one
    outcome: bytes | None = None  # of a known attempt, as it was stored
    request: bytes | None = None  # for a resend: the sealed request as its first record had it
    wait_s: float = 0.0
    taken_over: int = 0  # how often this attempt went to a new owner, its outcome unknown


class Looked(Struct, frozen=True, kw_only=True):
    """What a look finds."""

    seen: Seen
    made: bytes | None = None  # the outcome of the next attempt, where the source that looks has made it before

"""What the store says of an entered code: whether it may be compared, and what became of it when it was right."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.records import Attempt, OtpRequest, ReceiptState


class TryVerdict(StrEnum):
    """Whether a code may be compared at all."""

    OPEN = "open"
    REFUSED = "refused"  # verified a while ago, void, expired, out of tries, or issued before state was lost
    UNREADABLE = "unreadable"  # what was entered cannot be the code of this request, so that it cost no try
    UNKNOWN = "unknown"  # no such request of this caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A try. The fields of the row are there when it is open."""

    verdict: TryVerdict
    kid: str = ""  # of the master key
    number_hash: str = ""
    request: OtpRequest | None = None  # sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A code that was used up."""

    attempts: tuple[tuple[Attempt, ReceiptState | None], ...]  # with the newest state that receipts gave
    issued_at: datetime
    in_time: bool  # it is the first to tell, within 30 s of that, that the code has arrived


class UseVerdict(StrEnum):
    """What became of a code that was right."""

    USED = "used"  # by this very entry
    REPEATED = "repeated"  # it was used up a moment ago: somebody tapped twice, or an answer was lost
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use of a code, answered."""

    verdict: UseVerdict
    used: Used | None = None  # there when it is used up by this entry: what is to be told of it, once

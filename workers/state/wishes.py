"""What the store says of a wish for another message."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pipeline.records import OtpRequest


class WishVerdict(StrEnum):
    """What became of a wish for another message."""

    ASKED = "asked"
    EARLY = "early"
    VERIFIED = "verified"
    SUPERSEDED = "superseded"  # by a newer request of the same caller, number and purpose
    LATE = "late"  # no send may start any more, or it was issued before state was lost
    SPENT = "spent"  # no attempts are left
    UNKNOWN = "unknown"  # no such request of this caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A wish for another message, answered."""

    verdict: WishVerdict
    wait: timedelta = timedelta(0)  # when early: how long until it may be repeated
    request: OtpRequest | None = None  # when asked: the sealed request with the ordinal of this wish

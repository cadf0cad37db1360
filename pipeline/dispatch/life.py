"""The life of a code: when it began, when it ends, and when the last send may start. All in broker time."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import LONGEST_LIFE, OtpRequest

SHORTEST_LIFE: Final = timedelta(seconds=1)  # the unit of what providers are told


class Life(Struct, frozen=True, kw_only=True):
    """When the life of a code began and when it ends, in broker time."""

    starts_at: datetime
    deadline_at: datetime

    def last_send_at(self, share: float) -> datetime:
        """Give the instant after which no send may start: a code must leave the person time to enter it."""
        return self.starts_at + (self.deadline_at - self.starts_at) * share


def life_of(request: OtpRequest, appended_at: datetime) -> Life:
    """Give the life of a code in broker time.

    A producer's clock may be wrong: the code never lives longer than it says, counted from the record's append.
    Raises InvalidMessage when the life is not between 1 and 600 s.
    """
    span = request.expires_at - request.issued_at
    if not SHORTEST_LIFE <= span <= LONGEST_LIFE:
        detail = "`expires_at` must be 1 to 600 s after `issued_at`"
        raise InvalidMessage(DeadReason.INVALID_FIELD, detail, source=request.caller)
    deadline_at = min(request.expires_at, appended_at + span)
    return Life(starts_at=deadline_at - span, deadline_at=deadline_at)

"""One thing that happened in an incident."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """What kind of thing happened."""

    ONSET = "onset"
    NOTICED = "noticed"  # by a table a route of the incident may be broken
    MOVED = "shares"
    RETURN = "return"  # a route of the incident works again, by a table
    INCIDENT = "incident"
    OPERATOR = "operator"
    SENT_AGAIN = "sent again"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line."""

    at: datetime
    what: What
    says: str  # Markdown

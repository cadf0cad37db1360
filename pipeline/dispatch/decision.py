"""What is known of a request when it is decided what happens next, and what may be decided."""

from typing import Final

from msgspec import Struct

from pipeline.errors import DeadReason
from pipeline.records import ReceiptState
from pipeline.records.topics import Topic


class Seen(Struct, frozen=True, kw_only=True):
    """What is known of a request beside its attempts."""

    verified: bool = False
    void: bool = False  # a newer request of the same caller, number and purpose took its place
    succeeded: bool = False  # a later attempt than those at hand exists
    states: frozenset[ReceiptState] = frozenset()  # of all attempts
    last_state: ReceiptState | None = None  # of the last attempt at hand


class Send(Struct, frozen=True, kw_only=True):
    """Make the next attempt now."""

    trigger: str  # first, failover, second_look or resend
    silent: bool = False  # the last one was accepted and nothing was heard: counts against the budget
    rescue: bool = False  # the last one went a way that is known to be broken: counts against the cap of rescues


class Look(Struct, frozen=True, kw_only=True):
    """Look again when this tier is due."""

    tier: Topic
    waiting: str | None = None  # the trigger of the attempt that no provider could take yet


class Dead(Struct, frozen=True, kw_only=True):
    """A dead letter."""

    reason: DeadReason
    detail: str


class Finished(Struct, frozen=True, kw_only=True):
    """Nothing is left to do."""

    why: str
    unsent: Dead | None = None  # why nothing more was sent: what a caller is told that wished for another message


Decision = Send | Look | Finished | Dead

NOTHING_SEEN: Final = Seen()

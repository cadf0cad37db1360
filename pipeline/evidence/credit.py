"""What an entered code says, and about whom."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.errors import HANDED_OVER
from pipeline.records import Attempt, ReceiptState, Reporter, Verdict, Verification

Known = tuple[Attempt, ReceiptState | None]  # an attempt and the newest state that its receipts gave


def credit(known: Sequence[Known]) -> Attempt | None:
    """Give the attempt that brought a code which was entered, where that is certain.

    The only one that was handed over, or the only one of several that has a receipt saying so.
    """
    handed_over = [(attempt, state) for attempt, state in known if attempt.outcome in HANDED_OVER]
    if len(handed_over) > 1:
        handed_over = [(attempt, state) for attempt, state in handed_over if state is ReceiptState.DELIVERED]
    return handed_over[0][0] if len(handed_over) == 1 else None


def verified(request_id: str, caller: str, known: Sequence[Known], at: datetime) -> Verification:
    """Give the record of a code that was right, with the route that is credited."""
    brought = credit(known)
    return Verification(
        request_id=request_id,
        caller=caller,
        verdict=Verdict.VERIFIED,
        reported_by=Reporter.API,
        provider=brought.provider if brought else None,
        country=brought.country if brought else None,
        sent_at=brought.sent_at if brought else None,
        config=brought.config if brought else None,
        at=at,
    )


def refused(request_id: str, caller: str, at: datetime) -> Verification:
    """Give the record of a code that was refused. It says nothing about a provider."""
    return Verification(request_id=request_id, caller=caller, verdict=Verdict.REFUSED, reported_by=Reporter.API, at=at)

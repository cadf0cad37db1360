"""Records that tests begin with and change by `replace`."""

from datetime import UTC, datetime
from typing import Final

from pipeline.errors import Outcome
from pipeline.records import Attempt

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
REQUEST_ID: Final = "request-0123456789"
ATTEMPT: Final = Attempt(
    request_id=REQUEST_ID,
    number=1,
    caller="shop",
    provider="carrier-a",
    country="GB",
    number_hash="hash",
    trigger="first",
    outcome=Outcome.ACCEPTED,
    segments=1,
    sent_at=NOW,
    duration_ms=1.5,
    config="config",
)

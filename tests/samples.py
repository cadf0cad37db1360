"""Records that tests begin with and change by `replace`."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from pipeline.errors import Outcome
from pipeline.records import Attempt, Mode, Route, RouteState, RouteTable

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


def a_route(provider: str, share: float, state: RouteState = RouteState.NORMAL, **changes: Any) -> Route:
    """Give a route whose receipts say something, nearly all of which are there."""
    route = Route(
        provider=provider,
        share=share,
        state=state,
        normal=1.0,
        usual=0.95,
        due=10.0,
        seen=9,
        window_s=8,
        silence_s=20.0,
    )
    return replace(route, **changes)


def a_table(*routes: Route, **changes: Any) -> RouteTable:
    """Give a table of Great Britain."""
    table = RouteTable(
        country="GB",
        revision=7,
        decided_at=NOW,
        changed_at=NOW,
        mode=Mode.AUTOMATIC,
        why="carrier-a in GB works as usual",
        routes=routes,
    )
    return replace(table, **changes)

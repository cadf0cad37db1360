"""Rows as the scripts of the store give them, read."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from pipeline.errors import InvalidMessage
from pipeline.evidence.routes import IN_TIME_S
from pipeline.records import ReceiptState
from workers.state.client import Store

IN_TIME_MS: Final = IN_TIME_S * 1000


@contextlib.contextmanager
def reading(store: Store, operation: str) -> Iterator[None]:
    """Tell a row that is in no form of ours from a defect. Raises RowUnreadable."""
    try:
        yield
    except (InvalidMessage, ValueError, TypeError, AttributeError, KeyError):
        raise store.cannot_read(operation) from None


def state_of(word: bytes) -> ReceiptState | None:
    """Read the state of a receipt; none where nothing is written."""
    return ReceiptState(word.decode()) if word else None


def instant(ms: bytes) -> datetime:
    """Read an instant in milliseconds since the epoch. Raises ValueError."""
    return datetime.fromtimestamp(int(ms) / 1000, tz=UTC)


def ms_of(at: datetime) -> int:
    """Write an instant as milliseconds since the epoch."""
    return int(at.timestamp() * 1000)

"""Dead letters as dispatch writes them: the reason, and what a redrive goes on with; never a record's bytes."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from pipeline.dispatch.life import life_of
from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.phone import is_sealed
from pipeline.records import DeadLetter, Origin, OtpRequest, Retry, as_request_id, decode, named
from pipeline.records.topics import RETRY_TIERS
from workers.dispatch.opened import OpenedRequest
from workers.loop import Record

_RETRIES: Final = frozenset(tier.name for tier in RETRY_TIERS)


class Failed(InvalidMessage):
    """A request that was opened and then could not be handled, with what is known of it."""

    def __init__(self, error: InvalidMessage, opened: OpenedRequest) -> None:
        super().__init__(error.reason, error.detail, source=error.source)
        self.opened = opened


def letter_of(
    record: Record, reason: DeadReason, detail: str, at: datetime, opened: OpenedRequest | None = None
) -> DeadLetter:
    """Give the letter of a record, with what is known of its request: opened, or else from the record itself."""
    letter = DeadLetter(
        reason=reason,
        detail=detail,
        origin=Origin(topic=record.topic, partition=record.partition, offset=record.offset),
        size=len(record.value or b""),
        at=at,
    )
    known = _of_opened(opened) if opened else _of_record(record)
    return replace(letter, **known)


def _of_opened(opened: OpenedRequest) -> dict[str, Any]:
    return _of_request(opened.request) | {
        "number_hash": opened.phone.hash,
        "country": opened.phone.country,
        "attempts": opened.attempts,
        "kid": opened.kid,
        "starts_at": opened.life.starts_at,
        "deadline_at": opened.life.deadline_at,
        "source": opened.source,
    }


def _of_record(record: Record) -> dict[str, Any]:
    """Read what can be read."""
    try:
        if record.topic in _RETRIES:
            return _of_retry(decode(Retry, record.value))
        request = decode(OtpRequest, record.value)
    except InvalidMessage:
        said = named(record.value)
        return {"request_id": said.request_id or as_request_id(record.key), "caller": said.caller}
    try:
        life = life_of(request, datetime.fromtimestamp(record.timestamp_ms / 1000, tz=UTC))
    except InvalidMessage:
        return _of_request(request)
    return _of_request(request) | {"starts_at": life.starts_at, "deadline_at": life.deadline_at}


def _of_retry(retry: Retry) -> dict[str, Any]:
    return _of_request(retry.request) | {
        "number_hash": retry.number_hash,
        "country": retry.country,
        "attempts": retry.attempts,
        "kid": retry.kid,
        "starts_at": retry.starts_at,
        "deadline_at": retry.deadline_at,
        "source": retry.source,
    }


def _of_request(request: OtpRequest) -> dict[str, Any]:
    sealed = is_sealed(request.to) and (request.code is None or is_sealed(request.code))
    return {"request_id": request.request_id, "caller": request.caller, "request": request if sealed else None}

"""What the HTTP door answers, as values and as errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, TypeVar

from ithaca_otp.errors import Failed, Invalid, NotFound, OtpError, Over, ProblemType, Refused, TooSoon

_NO_ITHACA: Final = "the answer is none of Ithaca's API: look whether `url` is that of the API, and what is before it"
_REFUSALS: Final[Mapping[int, type[Refused]]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: TooSoon,
    HTTPStatus.GONE: Over,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Kafka has the request: it will not be lost."""

    request_id: str  # names it from now on
    expires_at: datetime  # the end of the code's life
    resend_after_s: int  # until the person may ask for another message


class State(StrEnum):
    """Where a request stands. There may be more words one day."""

    OPEN = "open"
    VERIFIED = "verified"
    SUPERSEDED = "superseded"  # by a newer request of the same caller, number and purpose
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One hand-over to one provider."""

    number: int  # of the attempt, from 1
    provider: str
    trigger: str  # first, failover, second_look or resend
    outcome: str  # such as accepted
    at: datetime
    receipt: str | None  # the newest that the provider reported, such as DELIVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What became of a request."""

    request_id: str
    state: str  # one of State, or a word that is newer than this client
    issued_at: datetime
    expires_at: datetime
    verified_at: datetime | None
    attempts: tuple[Attempt, ...]  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back over HTTP."""

    status: int
    kind: str  # the content type
    retry_after_s: float | None
    body: bytes


V = TypeVar("V")


def accepted(answer: Answer) -> Accepted:
    """Read the answer to an ask. Raises Refused and Failed, as all of these do."""
    said = _object(answer, HTTPStatus.ACCEPTED)
    return Accepted(
        request_id=_said(said, "request_id", str),
        expires_at=_instant(said, "expires_at"),
        resend_after_s=_said(said, "resend_after_s", int),
    )


def verified(answer: Answer) -> bool:
    """Read the answer to an entered code."""
    return _said(_object(answer, HTTPStatus.OK), "verified", bool)


def timeline(answer: Answer) -> Timeline:
    """Read what became of a request."""
    said = _object(answer, HTTPStatus.OK)
    return Timeline(
        request_id=_said(said, "request_id", str),
        state=_said(said, "state", str),
        issued_at=_instant(said, "issued_at"),
        expires_at=_instant(said, "expires_at"),
        verified_at=None if said.get("verified_at") is None else _instant(said, "verified_at"),
        attempts=tuple(_attempt(one) for one in _said(said, "attempts", list)),
    )


def _attempt(said: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=_said(said, "number", int),
        provider=_said(said, "provider", str),
        trigger=_said(said, "trigger", str),
        outcome=_said(said, "outcome", str),
        at=_instant(said, "at"),
        receipt=None if said.get("receipt") is None else _said(said, "receipt", str),
    )


def reason(answer: Answer) -> str:
    """Say why an answer is none that was wanted: its status, and its detail where it is a problem document."""
    detail = _problem(answer).get("detail")
    return f"HTTP {answer.status}" + (f" ({detail})" if isinstance(detail, str) else "")


def _object(answer: Answer, wanted: HTTPStatus) -> dict[str, Any]:
    if answer.status != wanted:
        raise _error(answer)
    return _json(answer.body)


def _problem(answer: Answer) -> dict[str, Any]:
    """Give a problem document: it never repeats what was sent. Whatever else answers might, and is not quoted."""
    return _json(answer.body) if answer.kind == "application/problem+json" else {}


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _error(answer: Answer) -> OtpError:
    problem = _problem(answer)
    detail = problem.get("detail")
    if not isinstance(detail, str):
        return Failed(f"HTTP {answer.status}: {_NO_ITHACA}", status=answer.status)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failed(detail, status=answer.status)
    field = problem.get("field")
    return _REFUSALS.get(answer.status, Refused)(
        detail,
        type=str(problem.get("type", ProblemType.ABOUT_BLANK)),
        status=answer.status,
        field=field if isinstance(field, str) else None,
        retry_after_s=answer.retry_after_s or 0.0,
    )


def _said(said: Any, name: str, kind: type[V]) -> V:
    value = said.get(name) if isinstance(said, dict) else None
    if isinstance(value, kind):
        return value
    raise Failed(f"`{name}` is not in the answer: {_NO_ITHACA}")


def _instant(said: Any, name: str) -> datetime:
    try:
        return datetime.fromisoformat(_said(said, name, str))
    except ValueError:
        raise Failed(f"`{name}` in the answer is no instant: {_NO_ITHACA}") from None

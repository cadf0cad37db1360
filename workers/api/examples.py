"""Examples for the description of the HTTP door: what each operation is sent, and what it answers."""

from http import HTTPStatus
from typing import Any, Final

from workers.web.problems import ProblemType

_ID: Final = "k3v0Yp7mS1qXb2R8wZ5tNA"
_ACCEPTED: Final = {"request_id": _ID, "expires_at": "2026-01-02T03:09:05Z", "resend_after_s": 30}

BODIES: Final[dict[str, dict[str, Any]]] = {
    "NewOtp": {"to": "+447700900123", "purpose": "login", "locale": "en", "ttl_s": 300},
    "Entered": {"code": "123 456"},
    "AcceptedOtp": _ACCEPTED,
    "Checked": {"verified": True},
    "Timeline": {
        "request_id": _ID,
        "state": "verified",
        "issued_at": "2026-01-02T03:04:05Z",
        "expires_at": "2026-01-02T03:09:05Z",
        "verified_at": "2026-01-02T03:04:19Z",
        "attempts": [
            {
                "number": 1,
                "provider": "carrier-a",
                "trigger": "first",
                "outcome": "accepted",
                "at": "2026-01-02T03:04:05Z",
                "receipt": "DELIVERED",
            }
        ],
    },
    "Health": {"status": "ok"},
    "Readiness": {"status": "ok", "kafka": "up", "store": "up"},
}

_END: Final = "no further message can be sent, make a new request"
_DETAILS: Final[dict[int | ProblemType, str]] = {
    400: "the body is not JSON: position 0",
    401: "send `Authorization: Bearer <api key of the caller>`",
    408: "the body did not arrive within 5 s",
    413: "the body is larger than 65536 bytes",
    500: "what is held of this request cannot be read: ask for another code",
    503: "Kafka is away: nothing was accepted, repeat the request",
    ProblemType.NO_SUCH_REQUEST: "no such request of this caller, or none that was processed yet",
    ProblemType.TOO_SOON: "another message may be asked for in 12 s",
    ProblemType.VERIFIED: f"the code has been entered: {_END}",
    ProblemType.SUPERSEDED: f"a newer request for this number and purpose took its place: {_END}",
    ProblemType.TOO_LATE: f"the code is too old: {_END}",
    ProblemType.OUT_OF_ATTEMPTS: f"as many messages as may be sent were sent: {_END}",
    ProblemType.INVALID_FIELD: "`to`: not E.164, such as +447700900123",
    ProblemType.KEY_REUSED: "this key came with another body before: use a new key for a new request",
}
_FIELDS: Final = {ProblemType.INVALID_FIELD: "to", ProblemType.KEY_REUSED: "Idempotency-Key"}


def problem(status: int, kind: ProblemType) -> dict[str, Any]:
    """Give an example of a refusal."""
    detail = _DETAILS.get(kind) or _DETAILS[status]
    field = {"field": _FIELDS[kind]} if kind in _FIELDS else {}
    return {"type": kind.value, "title": HTTPStatus(status).phrase, "status": status, "detail": detail} | field

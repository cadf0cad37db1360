"""The OpenAPI 3.1 document, its schemas made from what the handlers read and give."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from workers.api.bodies import AcceptedOtp, Checked, Entered, NewOtp, Timeline

BODIES: Final = (NewOtp, Entered)  # other fields than theirs are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    field: str | msgspec.UnsetType = msgspec.UNSET  # the one that is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What the process finds around it, each `up` or `away`."""

    status: str
    kafka: str
    store: str


_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "seconds after which it may be repeated",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
_REFUSALS: Final[dict[int, tuple[str, dict[str, Any]]]] = {
    400: ("The body is not JSON.", {}),
    401: (
        "No bearer key of a caller.",
        {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}},
    ),
    404: ("No such request of this caller. Another caller's id answers in the same way.", {}),
    408: ("The body did not arrive in time.", {}),
    409: ("Too soon after the last message.", _RETRY_AFTER),
    410: ("Verified, superseded, too old or out of attempts: make a new request.", {}),
    413: ("The body is larger than 64 kB.", {}),
    422: ("A field is wrong; `field` names it.", {}),
    500: ("What is held of this request cannot be read: ask for another code.", {}),
    503: ("Kafka or the state store is away.", _RETRY_AFTER),
}
_BODY_REFUSALS: Final = (400, 401, 408, 413, 422)

_REQUEST_ID: Final = {
    "name": "request_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeats with the same key and body are one request; with another body they are refused (422).",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def document() -> dict[str, Any]:
    """Give the document. It is the same as long as the process runs."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ithaca",
            "version": "1",
            "summary": "Gets one-time codes to phones, and checks what people enter.",
        },
        "paths": _paths(),
        "components": {"schemas": _schemas(), "securitySchemes": {"caller": {"type": "http", "scheme": "bearer"}}},
    }


def _paths() -> dict[str, Any]:
    one = "/v1/otp/{request_id}"
    return {
        "/v1/otp": {
            "post": _operation("Ask for a code", AcceptedOtp, (*_BODY_REFUSALS, 503), status=202, body=NewOtp)
            | {"parameters": [_IDEMPOTENCY_KEY]}
        },
        f"{one}/resend": {
            "parameters": [_REQUEST_ID],
            "post": _operation("Ask for another message", AcceptedOtp, (401, 404, 409, 410, 500, 503), status=202),
        },
        f"{one}/verify": {
            "parameters": [_REQUEST_ID],
            "post": _operation("Check a code", Checked, (*_BODY_REFUSALS, 500, 503), body=Entered),
        },
        one: {
            "parameters": [_REQUEST_ID],
            "get": _operation("See what became of a request", Timeline, (401, 404, 500, 503)),
        },
        "/healthz": {"get": _public("Whether the process answers", Health)},
        "/readyz": {"get": _readiness()},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _public("This document", None)},
    }


def _operation(
    summary: str, answer: type, refusals: tuple[int, ...], *, status: int = 200, body: type | None = None
) -> dict[str, Any]:
    responses = {str(status): _response(summary, answer)} | {str(code): _refusal(code) for code in refusals}
    operation: dict[str, Any] = {"summary": summary, "security": [{"caller": []}], "responses": responses}
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return operation


def _public(summary: str, answer: type | None) -> dict[str, Any]:
    return {"summary": summary, "security": [], "responses": {"200": _response(summary, answer)}}


def _readiness() -> dict[str, Any]:
    summary = "Whether it can take requests: Kafka is there"
    operation = _public(summary, Readiness)
    operation["responses"]["503"] = _response("Kafka is away", Readiness)
    return operation


def _metrics() -> dict[str, Any]:
    summary = "What Prometheus reads"
    text = {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"summary": summary, "security": [], "responses": {"200": text}}


def _response(description: str, answer: type | None) -> dict[str, Any]:
    schema = _ref(answer) if answer else {"type": "object"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusal(code: int) -> dict[str, Any]:
    description, headers = _REFUSALS[code]
    content = {"application/problem+json": {"schema": _ref(Problem)}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


def _schemas() -> dict[str, Any]:
    kinds = (NewOtp, AcceptedOtp, Entered, Checked, Timeline, Problem, Health, Readiness)
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    for kind in BODIES:
        schemas[kind.__name__]["additionalProperties"] = False
    return schemas


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}

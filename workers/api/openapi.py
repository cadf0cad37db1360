"""The OpenAPI document of the HTTP door. Version 3.0, because generators of several languages read no later one."""

from typing import Any, Final

from workers.api import examples
from workers.api.bodies import AcceptedOtp, Checked, Entered, NewOtp, Timeline
from workers.api.schemas import Health, Problem, Readiness, ref, schemas
from workers.web.problems import ProblemType

_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "seconds after which it may be repeated",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
_BLANK: Final = (ProblemType.ABOUT_BLANK,)
_REFUSALS: Final[dict[int, tuple[str, tuple[ProblemType, ...], dict[str, Any]]]] = {
    400: ("The body is not JSON.", _BLANK, {}),
    401: (
        "No bearer key of a caller.",
        _BLANK,
        {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "enum": ["Bearer"]}}},
    ),
    404: (
        "No such request of this caller, or another caller's, or none yet: it takes some ms after the 202. Ask again.",
        (ProblemType.NO_SUCH_REQUEST,),
        {},
    ),
    408: ("The body did not arrive in time.", _BLANK, {}),
    409: ("Too soon after the last message.", (ProblemType.TOO_SOON,), _RETRY_AFTER),
    410: (
        "Verified, superseded by a newer request, too old, or out of attempts: make a new request.",
        (ProblemType.VERIFIED, ProblemType.SUPERSEDED, ProblemType.TOO_LATE, ProblemType.OUT_OF_ATTEMPTS),
        {},
    ),
    413: ("The body is larger than 64 kB.", _BLANK, {}),
    422: (
        "A field is wrong; `field` names it. An `Idempotency-Key` that came with another body before is one.",
        (ProblemType.INVALID_FIELD, ProblemType.KEY_REUSED),
        {},
    ),
    500: ("What is held of this request cannot be read: ask for another code.", _BLANK, {}),
    503: ("Kafka or the state store is away.", _BLANK, _RETRY_AFTER),
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


_DESCRIPTION: Final = {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.0.3"}}}
_METRICS: Final = {
    "description": "The metrics",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": "otp_broker_up 1\n"}},
}


def document() -> dict[str, Any]:
    """Give the document. It is the same as long as the process runs."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Ithaca",
            "version": "1",
            "description": "Gets one-time codes to phones, and checks what people enter.",
        },
        "servers": [{"url": "/", "description": "where this document is"}],
        "tags": [
            {"name": "codes", "description": "what an auth service calls, with its bearer key"},
            {"name": "process", "description": "what a proxy, Prometheus and people ask the process itself"},
        ],
        "paths": _paths(),
        "components": {"schemas": schemas(), "securitySchemes": {"caller": {"type": "http", "scheme": "bearer"}}},
    }


def _paths() -> dict[str, Any]:
    one = "/v1/otp/{request_id}"
    return {
        "/v1/otp": {
            "post": _operation("requestCode", "Ask for a code", AcceptedOtp, (*_BODY_REFUSALS, 503), 202, NewOtp)
            | {"parameters": [_IDEMPOTENCY_KEY]}
        },
        f"{one}/resend": {
            "parameters": [_REQUEST_ID],
            "post": _operation(
                "resendCode", "Ask for another message", AcceptedOtp, (401, 404, 409, 410, 500, 503), 202
            ),
        },
        f"{one}/verify": {
            "parameters": [_REQUEST_ID],
            "post": _operation("verifyCode", "Check a code", Checked, (*_BODY_REFUSALS, 500, 503), body=Entered),
        },
        one: {
            "parameters": [_REQUEST_ID],
            "get": _operation("getRequest", "See what became of a request", Timeline, (401, 404, 500, 503)),
        },
        "/healthz": {"get": _public("getHealth", "Whether the process answers", _response("It answers", Health))},
        "/readyz": {"get": _readiness()},
        "/metrics": {"get": _public("getMetrics", "What Prometheus reads", _METRICS)},
        "/openapi.json": {"get": _public("getDescription", "This document", _response("This document", None))},
    }


def _operation(
    name: str, summary: str, answer: type, refusals: tuple[int, ...], status: int = 200, body: type | None = None
) -> dict[str, Any]:
    responses = {str(status): _response(summary, answer)} | {str(code): _refusal(code) for code in refusals}
    operation = _described(name, "codes", summary, responses) | {"security": [{"caller": []}]}
    if body:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    return operation


def _public(name: str, summary: str, response: dict[str, Any]) -> dict[str, Any]:
    return _described(name, "process", summary, {"200": response}) | {"security": []}


def _described(name: str, tag: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}


def _readiness() -> dict[str, Any]:
    ready = _response("Kafka is there", Readiness)
    operation = _public("getReadiness", "Whether it can take requests: Kafka is there", ready)
    operation["responses"]["503"] = _response("Kafka is away", Readiness)
    return operation


def _response(description: str, answer: type | None) -> dict[str, Any]:
    content = _content(answer) if answer else _DESCRIPTION
    return {"description": description, "content": content}


def _content(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": ref(kind), "example": examples.BODIES[kind.__name__]}}


def _refusal(code: int) -> dict[str, Any]:
    description, kinds, headers = _REFUSALS[code]
    told = {kind.name.lower(): {"value": examples.problem(code, kind)} for kind in kinds}
    content = {"application/problem+json": {"schema": ref(Problem), "examples": told}}
    listed = ", ".join(f"`{kind}`" for kind in kinds)
    return {"description": f"{description} `type` is {listed}.", "content": content} | (
        {"headers": headers} if headers else {}
    )

"""Every refusal as an RFC 9457 problem document, aiohttp's own included."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from pipeline.errors import RowUnreadable, StoreAway
from workers.log import get_log

MAX_BODY_BYTES: Final = 64 * 1024
URN: Final = "urn:ithaca:problem:"
BODY_LIMIT_S: Final = 5.0  # for a whole body to arrive: no slow sender holds a place for longer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = get_log("http")


class ProblemType(StrEnum):
    """What kind of refusal it is, for programs. The names never change their meaning; there may be more one day."""

    ABOUT_BLANK = "about:blank"  # nothing beyond what the status says (RFC 9457, section 4.2.1)
    INVALID_FIELD = f"{URN}invalid-field"  # `field` names it
    KEY_REUSED = f"{URN}key-reused"  # an Idempotency-Key came with another body before
    NO_SUCH_REQUEST = f"{URN}no-such-request"  # of this caller, or none that was processed yet
    TOO_SOON = f"{URN}too-soon"  # after the last message; Retry-After says when
    VERIFIED = f"{URN}verified"  # the code has been entered
    SUPERSEDED = f"{URN}superseded"  # a newer request took its place
    TOO_LATE = f"{URN}too-late"  # no further message would arrive within the life of the code
    OUT_OF_ATTEMPTS = f"{URN}out-of-attempts"  # as many messages were sent as may be


class Problem(Exception):
    """A refusal. The detail says what is wrong and what to do, and never repeats what was sent."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        kind: ProblemType = ProblemType.ABOUT_BLANK,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.field = field
        self.headers = headers

    def response(self) -> web.Response:
        """Give the document."""
        document: dict[str, object] = {
            "type": self.kind,
            "title": self.status.phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        return web.Response(
            status=self.status,
            body=orjson.dumps(document),
            content_type="application/problem+json",
            headers=self.headers,
        )


def away(detail: str, retry_after_s: int = 1) -> Problem:
    """Give the refusal of a server that cannot do its work for now."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(retry_after_s)})


def invalid(field: str | None, detail: str, *, kind: ProblemType = ProblemType.INVALID_FIELD) -> Problem:
    """Give the refusal of a field that is wrong; none where its name must not be repeated."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, kind=kind, field=field)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except RowUnreadable:
        detail = "what is held of this request cannot be read: nothing was decided, ask for another code"
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail).response()
    except StoreAway:
        return away("the state store does not answer: nothing was decided, repeat the request").response()
    except web.HTTPException as error:
        return _foreign(error).response()
    except Exception:  # a defect of ours must not answer with a page of its own, nor with its text
        log.exception("http.defect", method=request.method, path=route_of(request))
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect of this server, which has logged it").response()


async def read_body(request: web.Request) -> bytes:
    """Read a body of at most 64 kB within 5 s. Raises Problem."""
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            return await request.read()
    except TimeoutError:
        detail = f"the body did not arrive within {BODY_LIMIT_S:.0f} s"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail) from None
    except web.RequestPayloadError:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is not what its headers say") from None


def _foreign(error: web.HTTPException) -> Problem:
    """Say in our words what aiohttp found."""
    status = HTTPStatus(error.status)
    details = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path",
        HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; the header `Allow` names those it takes",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"the body is larger than {MAX_BODY_BYTES} bytes",
    }
    allow = error.headers.get("Allow")
    return Problem(status, details.get(status, status.description), headers={"Allow": allow} if allow else None)


def route_of(request: web.Request) -> str:
    """Give the path of a request with placeholders in place of what somebody asks for."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"

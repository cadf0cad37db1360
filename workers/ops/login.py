"""Who is asking: a session cookie with a token against other sites, or a bearer key."""

import hmac
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

import orjson
from aiohttp import web

from pipeline.proof.session import LIFE, Operator, csrf_token, issue, read, who
from pipeline.settings import Settings
from workers.web.parts import Parts
from workers.web.problems import Handler, Problem, read_body
from workers.web.serving import json

COOKIE: Final = "ithaca_ops"
CSRF: Final = "X-CSRF-Token"
LONGEST_KEY: Final = 1024  # bytes


class Login:
    """Logs operators in and out, and tells who asks."""

    def __init__(self, parts: Parts) -> None:
        self._settings: Settings = parts.settings
        self._clock = parts.clock
        self._key = next(iter(parts.settings.keys.tokens.values()))

    async def enter(self, request: web.Request) -> web.Response:
        """`POST /v1/session` with `{"key": "..."}`."""
        document = await read_object(request)
        key = document.get("key")
        operator = who(str(key).encode(errors="surrogateescape")[:LONGEST_KEY], self._settings.operators)
        if operator is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "no operator has this key; `operators` in the settings has them")
        session = issue(operator.name, self._settings.operators, self._key, self._now())
        answer = self._self(operator, session)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(LIFE.total_seconds()),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._settings.environment == "production",
        )
        return answer

    async def leave(self, request: web.Request) -> web.Response:
        """`DELETE /v1/session`."""
        self.operator(request, "act_as_self")
        answer = json({})
        answer.del_cookie(COOKIE, path="/")
        return answer

    async def tell(self, request: web.Request) -> web.Response:
        """`GET /v1/session`: who is logged in, and the token for actions."""
        return self._self(self.operator(request, "look"), request.cookies.get(COOKIE, ""))

    def required(self, handler: Handler) -> Handler:
        """Let only those look who are known."""

        async def looked(request: web.Request) -> web.StreamResponse:
            self.operator(request, "look")
            return await handler(request)

        return looked

    def operator(self, request: web.Request, wants: Literal["look", "act_as_self", "act"]) -> Operator:
        """Give who asks. Raises Problem: 401 for nobody, 403 for a viewer who acts or a foreign page."""
        session = request.cookies.get(COOKIE)
        by_key = self._by_key(request)
        operator = by_key or (read(session, self._settings.operators, self._key, self._now()) if session else None)
        if operator is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "log in first, or send `Authorization: Bearer <key of an operator>`")
        if wants != "look" and by_key is None and not self._is_ours(request, session or ""):
            raise Problem(HTTPStatus.FORBIDDEN, f"send the token of this session in `{CSRF}`: `GET /v1/session` has it")
        if wants == "act" and not operator.may_act:
            raise Problem(HTTPStatus.FORBIDDEN, "a viewer may look and not act; the role `operator` may")
        return operator

    def _is_ours(self, request: web.Request, session: str) -> bool:
        """Tell whether a page of ours sends this: only it knows the token of the session."""
        token = request.headers.get(CSRF, "").encode(errors="replace")
        return hmac.compare_digest(token, csrf_token(session, self._key).encode())

    def _by_key(self, request: web.Request) -> Operator | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return who(key.strip().encode(errors="surrogateescape")[:LONGEST_KEY], self._settings.operators)

    def _self(self, operator: Operator, session: str) -> web.Response:
        return json({"name": operator.name, "may_act": operator.may_act, "csrf": csrf_token(session, self._key)})

    def _now(self) -> datetime:
        return self._clock.now()


async def read_object(request: web.Request) -> dict[str, object]:
    """Read a body that is a JSON object. Raises Problem (400)."""
    try:
        document = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
    return document

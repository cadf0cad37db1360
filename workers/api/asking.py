"""Ask for a code, and ask again."""

import math
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from pipeline.errors import InvalidMessage, StoreAway
from pipeline.message.phone import read_phone, seal
from pipeline.proof.idempotency import ID_BYTES, digest_of, request_id_for
from pipeline.proof.idempotency import request_id as new_id
from pipeline.records import OtpRequest
from pipeline.records.topics import REQUESTS
from workers.api.bodies import AcceptedOtp, NewOtp, read
from workers.api.callers import Callers
from workers.api.queue import Queue
from workers.log import get_log
from workers.state.checks import Remembered
from workers.state.wishes import WishVerdict
from workers.web.parts import Parts
from workers.web.problems import Problem, ProblemType, invalid
from workers.web.serving import json

_ENDED: Final = {
    WishVerdict.VERIFIED: (ProblemType.VERIFIED, "the code has been entered"),
    WishVerdict.SUPERSEDED: (ProblemType.SUPERSEDED, "a newer request for this number and purpose took its place"),
    WishVerdict.LATE: (ProblemType.TOO_LATE, "the code is too old"),
    WishVerdict.SPENT: (ProblemType.OUT_OF_ATTEMPTS, "as many messages as may be sent were sent"),
}
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")

log = get_log("api")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    request_id: str
    issued_at: datetime
    expires_at: datetime


class Asking:
    """`POST /v1/otp` and `POST /v1/otp/{request_id}/resend`."""

    def __init__(self, parts: Parts, callers: Callers, queue: Queue) -> None:
        self._queue = queue
        self._otp = parts.settings.otp
        self._settings_of = parts.settings.callers
        self._number_key = next(iter(parts.settings.keys.numbers.values()))
        self._callers = callers
        self._publisher = parts.publisher
        self._checks = parts.checks
        self._clock = parts.clock

    async def ask(self, request: web.Request) -> web.Response:
        """Take a request: 202 only after Kafka acknowledged it."""
        caller = self._callers.name(request)
        self._publisher.refuse_if_away()
        self._queue.refuse_if_long()
        until = self._publisher.limit()
        wanted = await read(request, NewOtp)
        number = self._number(wanted.to)
        life = await self._life(request, caller, replace(wanted, to=number))
        record = OtpRequest(
            request_id=life.request_id,
            caller=caller,
            to=self._sealed(number, caller, life.request_id),
            purpose=wanted.purpose,
            locale=wanted.locale,
            issued_at=life.issued_at,
            expires_at=life.expires_at,
        )
        return await self._accept(record, until)

    async def resend(self, request: web.Request) -> web.Response:
        """Take the wish for another message: the next attempt of the same request, with the same code."""
        caller = self._callers.name(request)
        # Before the wish is noted: one that Kafka cannot take would keep the person waiting for the next.
        self._publisher.refuse_if_away()
        until = self._publisher.limit()
        wish = await self._checks.ask_again(request.match_info["request_id"], caller)
        if wish.request is None:
            raise _unfulfilled(wish.verdict, math.ceil(wish.wait.total_seconds()))
        return await self._accept(wish.request, until)

    async def _accept(self, record: OtpRequest, until: float) -> web.Response:
        await self._publisher.publish(REQUESTS, record, until=until)
        log.info("request.accepted", request_id=record.request_id, caller=record.caller)
        accepted = AcceptedOtp(
            request_id=record.request_id, expires_at=record.expires_at, resend_after_s=self._otp.resend_after_s
        )
        return json(accepted, HTTPStatus.ACCEPTED)

    async def _life(self, request: web.Request, caller: str, wanted: NewOtp) -> _Life:
        """Give a new id and life, or under an idempotency key the ones that were given before."""
        issued_at = self._clock.now()
        expires_at = issued_at + timedelta(seconds=wanted.ttl_s or self._otp.ttl_s)
        key = _key(request)
        if key is None:
            return _Life(request_id=new_id(secrets.token_bytes(ID_BYTES)), issued_at=issued_at, expires_at=expires_at)
        request_id = request_id_for(self._number_key, caller, key)
        digest = digest_of(self._number_key, wanted.to, wanted.purpose, wanted.locale, wanted.ttl_s)
        answer = await self._remember(request_id, Remembered(digest=digest, issued_at=issued_at, expires_at=expires_at))
        if answer.digest != digest:
            detail = "this key came with another body before: use a new key for a new request"
            raise invalid("Idempotency-Key", detail, kind=ProblemType.KEY_REUSED)
        return _Life(request_id=request_id, issued_at=answer.issued_at, expires_at=answer.expires_at)

    async def _remember(self, request_id: str, wanted: Remembered) -> Remembered:
        try:
            return await self._checks.remember(request_id, wanted)
        except StoreAway:
            # Codes are still to be had. The id is the same, so a repeat sends nothing twice: its claim drops it.
            # What is not noticed meanwhile is another body under the same key: the first one then counts.
            return wanted

    def _number(self, number: str) -> str:
        try:
            return read_phone(number, self._number_key, premium=self._otp.premium_numbers).e164
        except InvalidMessage as error:
            raise invalid("to", error.detail) from None

    def _sealed(self, number: str, caller: str, request_id: str) -> str:
        kid, key = next(iter(self._settings_of[caller].seal_keys.items()))
        return seal(number, caller=caller, request_id=request_id, kid=kid, key=key)


def _key(request: web.Request) -> str | None:
    keys = request.headers.getall("Idempotency-Key", [])
    if len(keys) > 1:
        raise invalid("Idempotency-Key", "is there more than once: send one")
    if keys and not _KEY.fullmatch(keys[0]):
        raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return keys[0] if keys else None


def _unfulfilled(verdict: WishVerdict, wait_s: int) -> Problem:
    if verdict is WishVerdict.EARLY:
        detail = f"another message may be asked for in {wait_s} s"
        headers = {"Retry-After": str(wait_s)}
        return Problem(HTTPStatus.CONFLICT, detail, kind=ProblemType.TOO_SOON, headers=headers)
    if verdict in _ENDED:
        kind, why = _ENDED[verdict]
        return Problem(HTTPStatus.GONE, f"{why}: no further message can be sent, make a new request", kind=kind)
    return unknown()


def unknown() -> Problem:
    """Give the answer to an id that is not the caller's, whether or not it is somebody else's."""
    detail = "no such request of this caller, or none that was processed yet"
    return Problem(HTTPStatus.NOT_FOUND, detail, kind=ProblemType.NO_SUCH_REQUEST)

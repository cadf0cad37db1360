"""Check a code: counted before it is compared, right once, and one answer for all that is not right."""

from aiohttp import web

from pipeline.codes import CodeBasis, derive, matches
from pipeline.errors import InvalidMessage
from pipeline.phone import unseal
from pipeline.records import Verification
from pipeline.topics import VERIFICATIONS
from pipeline.verification import refused, verified
from workers.api.bodies import Checked, Entered, read
from workers.api.callers import Callers
from workers.log import get_log
from workers.state.checks import Tried, TryVerdict
from workers.web.parts import Parts
from workers.web.serving import json

log = get_log("api")


class Checking:
    """`POST /v1/otp/{request_id}/verify`."""

    def __init__(self, parts: Parts, callers: Callers) -> None:
        self._masters = parts.settings.keys.codes
        self._digits = parts.settings.otp.digits
        self._settings_of = parts.settings.callers
        self._callers = callers
        self._publisher = parts.publisher
        self._checks = parts.checks
        self._clock = parts.clock

    async def verify(self, request: web.Request) -> web.Response:
        """Check a code. The answer to wrong, expired, used, unknown and other callers' ids is one and the same."""
        caller = self._callers.name(request)
        entered = await read(request, Entered)
        request_id = request.match_info["request_id"]
        tried = await self._checks.try_code(request_id, caller)
        known = None
        if self._is_right(tried, request_id, caller, entered.code):
            known = await self._checks.consume(request_id)
        if known is not None:
            self._publish(verified(request_id, caller, known, self._clock.now()))
        elif tried.verdict is not TryVerdict.UNKNOWN:
            self._publish(refused(request_id, caller, self._clock.now()))
        return json(Checked(verified=known is not None))

    def _is_right(self, tried: Tried, request_id: str, caller: str, entered: str) -> bool:
        try:
            code = self._code(tried, request_id, caller)
        except (InvalidMessage, KeyError):
            # Its key has left the ring too early: nobody can say that the code is right.
            log.exception("code.key_missing", request_id=request_id, kid=tried.kid)
            return False
        return matches(code, entered) and tried.verdict is TryVerdict.OPEN

    def _code(self, tried: Tried, request_id: str, caller: str) -> str:
        """Derive the code of an open request, or one in vain where there is none to derive."""
        request = tried.request
        if request is not None and request.code is not None:
            keys = self._settings_of[caller].seal_keys
            return unseal(request.code, caller=caller, request_id=request_id, keys=keys)
        basis = CodeBasis(
            request_id=request_id,
            number_hash=tried.number_hash,
            caller=caller,
            issued_at=request.issued_at if request else self._clock.now(),
        )
        return derive(self._masters[tried.kid or next(iter(self._masters))], basis, self._digits)

    def _publish(self, record: Verification) -> None:
        # Beside the answer: a code that was right stays right when Kafka is away. What is lost then is the credit
        # that the route would have got, and the line in the topic; the row in the store knows.
        log.info("code.checked", request_id=record.request_id, caller=record.caller, outcome=record.verdict)
        self._publisher.publish_later(VERIFICATIONS, record)

"""Check a code: counted before it is compared, right once, and one answer for all that is not right."""

import secrets
from typing import Final

from aiohttp import web

from pipeline.errors import InvalidMessage, RowUnreadable, StoreAway
from pipeline.evidence.credit import refused, verified
from pipeline.message.codes import CodeBasis, Entry, bare, derive, matches, read_entry
from pipeline.message.phone import unseal
from pipeline.records import Verification
from pipeline.records.topics import VERIFICATIONS
from workers.api.bodies import Checked, Entered, read
from workers.api.callers import Callers
from workers.log import get_log
from workers.metrics.definitions import CODES_IN_TIME, ENTERED, VERIFIED_SECONDS
from workers.metrics.labels import NONE
from workers.state.entries import Tried, TryVerdict, Use, Used, UseVerdict
from workers.web.parts import Parts
from workers.web.serving import json

_MARK_BYTES: Final = 8  # of a use: unique among those of one request

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
        self._metrics = parts.metrics
        self._unsure: dict[str, tuple[str, str]] = {}  # mark of a use without an answer -> request, caller
        self._checks.on_return(self._settle)

    async def verify(self, request: web.Request) -> web.Response:
        """Check a code. The answer to wrong, expired, used, unknown and other callers' ids is one and the same."""
        caller = self._callers.name(request)
        entry = read_entry((await read(request, Entered)).code, self._digits)
        request_id = request.match_info["request_id"]
        tried = await self._checks.try_code(request_id, caller, entry)
        use = Use(verdict=UseVerdict.REFUSED)
        if self._is_right(tried, request_id, caller, entry):
            use = await self._use(request_id, caller)
        if use.used is not None:
            self._tell_verified(request_id, caller, use.used)
        elif use.verdict is UseVerdict.REPEATED:
            self._metrics.count(ENTERED, caller, use.verdict)
        elif tried.verdict in {TryVerdict.UNKNOWN, TryVerdict.UNREADABLE}:
            self._metrics.count(ENTERED, caller, tried.verdict)
        else:
            self._publish(refused(request_id, caller, self._clock.now()))
        return json(Checked(verified=use.verdict is not UseVerdict.REFUSED))

    async def _use(self, request_id: str, caller: str) -> Use:
        mark = secrets.token_hex(_MARK_BYTES)
        try:
            return await self._checks.consume(request_id, mark)
        except RowUnreadable:  # the store answered
            raise
        except StoreAway:
            self._unsure[mark] = request_id, caller
            raise

    async def _settle(self) -> None:
        """Tell of the codes that were used up without an answer to us: whoever repeats one is told, and nobody else."""
        for mark, (request_id, caller) in list(self._unsure.items()):
            try:
                used = await self._checks.went_through(request_id, mark)
            except RowUnreadable:
                used = None
            if self._unsure.pop(mark, None) and used is not None:
                self._tell_verified(request_id, caller, used)

    def _is_right(self, tried: Tried, request_id: str, caller: str, entry: Entry) -> bool:
        try:
            code = self._code(tried, request_id, caller)
        except (InvalidMessage, KeyError):
            # Its key has left the ring too early: nobody can say that the code is right.
            log.exception("code.key_missing", request_id=request_id, kid=tried.kid)
            return False
        own = tried.request is not None and tried.request.code is not None
        right = matches(bare(code), entry.own) if own else matches(code, entry.derived)
        return right and tried.verdict is TryVerdict.OPEN

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
        self._metrics.count(ENTERED, record.caller, record.verdict)

    def _tell_verified(self, request_id: str, caller: str, used: Used) -> None:
        record = verified(request_id, caller, used.attempts, self._clock.now())
        self._publish(record)
        self._observe(record, used)

    def _observe(self, record: Verification, used: Used) -> None:
        """Tell how long it took from the acceptance of a code to its being entered. Test numbers tell nothing."""
        if any(attempt.test for attempt, _ in used.attempts):
            return
        country = next((attempt.country for attempt, _ in used.attempts), NONE)
        if used.in_time:
            self._metrics.count(CODES_IN_TIME, country)
        seconds = (record.at - used.issued_at).total_seconds()
        self._metrics.observe(VERIFIED_SECONDS, max(seconds, 0.0), record.provider or NONE, country)

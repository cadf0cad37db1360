"""One hand-over: claim, render, fence, send, keep the outcome."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dispatch.refusals import refuted
from pipeline.dispatch.retry import AGAIN, Life, Send, anew, replaced
from pipeline.errors import NotSent, Outcome, ProviderError
from pipeline.message.text import Message, render
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import Attempt, OtpRequest, decode, encode
from pipeline.settings import Settings
from providers.base import CONNECT_LIMIT_S
from providers.seam import Accepted, Sms
from workers.dispatch.case import Case, Opener
from workers.dispatch.desk import Desk, Place
from workers.log import get_log
from workers.state.claiming import Claim, Claimed, ClaimVerdict
from workers.state.claims import Claims

FENCED_TRIES: Final = 2  # a second one with a new lease; a provider that connects so slowly is not the only one
NOT_REGISTERED: Final[Mapping[str, str]] = {}
SLACK_S: Final = 2.0  # of the time between two wishes: one may have been longer on its way to Kafka than the next
TEST_MESSAGE_ID: Final = "test"  # of test numbers, for which everything happens except the send
MAY_SEND: Final = frozenset({ClaimVerdict.GRANTED, ClaimVerdict.EXCUSED, ClaimVerdict.UNCLAIMED})

log = get_log("dispatch")


class Clock(Protocol):
    """Broker time, as this process knows it."""

    def now(self) -> datetime:
        """Give aware UTC."""
        ...


class Mine(Struct, frozen=True, kw_only=True):
    """A claim that lets us send, and until when (monotonic seconds)."""

    claim: Claim
    number: int
    lease_until: float
    taken_over: int  # how often, from owners whose outcome is unknowable


class Made(Struct, frozen=True, kw_only=True):
    """An attempt that was made, and its record as it is in the row and goes on the topic."""

    attempt: Attempt
    record: bytes

    def __repr__(self) -> str:
        return f"Made({self.attempt})"


class HandOver:
    """Makes attempts. Order of effects: the provider's answer, then the outcome in the row, then what follows."""

    def __init__(self, settings: Settings, config: str, opener: Opener, claims: Claims, clock: Clock) -> None:
        self._settings = settings
        self._config = config
        self._opener = opener
        self._claims = claims
        self._clock = clock
        self._test_numbers = frozenset(settings.otp.test_numbers)

    async def claim(self, case: Case, send: Send) -> tuple[Claimed, Mine]:
        """Claim the next attempt of a case."""
        claim = self._claim_of(case, send)
        asked_at = time.monotonic()
        claimed = await self._claims.claim(claim)
        # Without the store there is no lease: only the code's life bounds the send.
        lease_s = float("inf") if claimed.verdict is ClaimVerdict.UNCLAIMED else self._settings.dispatch.lease_s
        lease_until = asked_at + lease_s
        return claimed, Mine(claim=claim, number=claimed.number, lease_until=lease_until, taken_over=claimed.taken_over)

    async def make(self, case: Case, send: Send, mine: Mine, place: Place) -> Made | None:
        """Hand over, free the place, keep the outcome. None: the claim is not ours any more, or nobody knows."""
        desk = place.desk
        message = render(self._opener.code(case), case.caller, case.request.locale, source=case.request.caller)
        desk.budget.earn()
        for _ in range(FENCED_TRIES):
            held = await self._held(mine, _limit_s(desk, _left_s(case, self._clock.now())))
            if held is None:
                log.warning("attempt.lease_lost", request_id=case.request.request_id, attempt=mine.number)
                return None
            attempt = await self._send(case, send, held, place, message)
            if attempt.outcome is not Outcome.NOT_SENT:
                break
        place.free()
        made = Made(attempt=attempt, record=encode(attempt))
        await self._claims.store_outcome(mine.claim, mine.number, made.record)
        return made

    async def _held(self, mine: Mine, send_s: float) -> Mine | None:
        """Give a claim whose lease outlasts connecting and sending, renewed where it must be; none when it is gone."""
        now = time.monotonic()
        if mine.lease_until - now >= send_s + CONNECT_LIMIT_S:
            return mine
        if not await self._claims.renew(mine.claim, mine.number):
            return None
        return replace(mine, lease_until=now + self._settings.dispatch.lease_s)

    async def _send(self, case: Case, send: Send, mine: Mine, place: Place, message: Message) -> Attempt:
        desk, sent_at, started = place.desk, self._clock.now(), time.monotonic()
        test = case.phone.e164 in self._test_numbers
        error: ProviderError | None = None
        accepted: Accepted | None = None
        try:
            accepted = await _through(desk, self._sms(case, mine, desk, message, sent_at), test=test)
            if not test:
                desk.succeed(case.phone.country)
        except ProviderError as refusal:
            error = refusal
            desk.fail(case.phone.country, error, time.monotonic())
        return Attempt(
            request_id=case.request.request_id,
            number=mine.number,
            caller=case.request.caller,
            provider=desk.provider.name,
            country=case.phone.country,
            number_hash=case.phone.hash,
            trigger=send.trigger,
            outcome=error.outcome if error else Outcome.ACCEPTED,
            code=error.code if error else None,
            retry_after_s=error.retry_after_s if error else None,
            message_id=accepted.message_id if accepted else None,
            segments=message.segments,
            sent_at=sent_at,
            duration_ms=round((time.monotonic() - started) * 1000, 3),
            config=self._config,
            excused=mine.taken_over,
            test=test,
            probe=place.probe,
            replaces=replaced(case.attempts) if send.trigger in AGAIN else None,
            refutes=refuted(case.attempts, desk.provider.name) if accepted else (),
        )

    def _sms(self, case: Case, mine: Mine, desk: Desk, message: Message, sent_at: datetime) -> Sms:
        left_s = _left_s(case, sent_at)
        timeout_s = _limit_s(desk, left_s)
        token = self._token(case, mine, desk, sent_at)
        return Sms(
            attempt_id=f"{case.request.request_id}.{mine.number}",
            to=case.phone.e164,
            text=message.text,
            sender=desk.sender(case.phone.country),
            pool=desk.pool(case.phone.country),
            registrations=case.caller.registrations.get(case.phone.country, NOT_REGISTERED),
            country=case.phone.country,
            callback_url=f"{self._settings.receipts.public_url}/receipts/{desk.provider.name}/{token}",
            reference=token,
            validity_s=int(left_s),
            timeout_s=timeout_s,
            send_before=min(mine.lease_until - timeout_s, time.monotonic() + left_s),
        )

    def _token(self, case: Case, mine: Mine, desk: Desk, sent_at: datetime) -> str:
        token = CallbackToken(
            request_id=case.request.request_id,
            number=mine.number,
            provider=desk.provider.name,
            country=case.phone.country,
            sent_at=sent_at,
            config=self._config,
        )
        return issue(token, self._settings.keys.tokens)

    def _claim_of(self, case: Case, send: Send) -> Claim:
        request = case.request
        resend = request.resend if send.trigger == "resend" else 0
        return Claim(
            request_id=request.request_id,
            number=0 if resend else (case.attempts[-1].number if case.attempts else 0) + 1,
            resend=resend,
            source=case.source,
            caller=request.caller,
            number_hash=case.phone.hash,
            kid=case.kid,
            purpose=request.purpose,
            issued_ms=int(case.life.starts_at.timestamp() * 1000),
            deadline_ms=int(case.life.deadline_at.timestamp() * 1000),
            request=encode(request).decode(),
            own=case.own,
            most=anew(self._settings.dispatch, case.attempts, case.redriven).max_attempts,
            asked_ms=case.asked_ms,
            gap_ms=max(int((self._settings.otp.resend_after_s - SLACK_S) * 1000), 0),
        )


def _left_s(case: Case, now: datetime) -> float:
    return (case.life.deadline_at - now).total_seconds()


def _limit_s(desk: Desk, left_s: float) -> float:
    """Give the time limit of a hand-over: the provider's, within what is left of the code's life."""
    return max(min(desk.timeout_s, left_s), 0.0)


async def _through(desk: Desk, sms: Sms, *, test: bool) -> Accepted:
    if sms.validity_s < 1:
        raise NotSent("expired")
    if test:
        return Accepted(message_id=TEST_MESSAGE_ID)
    return await desk.provider.send(sms)


def adopt(case: Case, claimed: Claimed) -> Case:
    """Take the row's word for key and deadline, and for what a resend asks for again: it knows the first record.

    Only how often the person has asked, and in which language, is the resend's own to say.
    """
    if claimed.request is not None:
        first = decode(OtpRequest, claimed.request)
        case = replace(case, request=replace(first, resend=case.request.resend, locale=case.request.locale))
    deadline_at = datetime.fromtimestamp(claimed.deadline_ms / 1000, tz=UTC)
    if claimed.kid == case.kid and abs((deadline_at - case.life.deadline_at).total_seconds()) < 0.001:  # noqa: PLR2004 - the row keeps milliseconds
        return case
    span = case.request.expires_at - case.request.issued_at
    life = Life(starts_at=deadline_at - span, deadline_at=deadline_at)
    return replace(case, kid=claimed.kid, life=life)

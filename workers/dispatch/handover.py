"""One hand-over: claim, render, fence, send, keep the outcome."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dispatch.attempts import AGAIN, anew, replaced
from pipeline.dispatch.decision import Send
from pipeline.dispatch.life import Life
from pipeline.dispatch.refusals import refuted
from pipeline.errors import NotSent, Outcome, ProviderError
from pipeline.message.text import Message, render
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.records import Attempt, OtpRequest, decode, encode
from pipeline.settings import Settings
from providers.base import CONNECT_LIMIT_S
from providers.seam import Accepted, Sms
from workers.dispatch.account import Account, Permit
from workers.dispatch.opened import OpenedRequest
from workers.dispatch.unsealer import Unsealer
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


class Lease(Struct, frozen=True, kw_only=True):
    """A claim that this process holds, and until when it lets us send."""

    claim: Claim
    number: int
    until: float  # monotonic seconds
    taken_over: int  # how often, from owners whose outcome is unknowable


class EncodedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that was made, and its record as it is in the row and goes on the topic."""

    attempt: Attempt
    record: bytes

    def __repr__(self) -> str:
        return f"EncodedAttempt({self.attempt})"


class HandOver:
    """Makes attempts. Order of effects: the provider's answer, then the outcome in the row, then what follows."""

    def __init__(self, settings: Settings, config: str, unsealer: Unsealer, claims: Claims, clock: Clock) -> None:
        self._settings = settings
        self._config = config
        self._unsealer = unsealer
        self._claims = claims
        self._clock = clock
        self._test_numbers = frozenset(settings.otp.test_numbers)

    async def claim(self, opened: OpenedRequest, send: Send) -> tuple[Claimed, Lease]:
        """Claim the next attempt of a request."""
        claim = self._claim_of(opened, send)
        asked_at = time.monotonic()
        claimed = await self._claims.claim(claim)
        # Without the store there is no lease: only the code's life bounds the send.
        lease_s = float("inf") if claimed.verdict is ClaimVerdict.UNCLAIMED else self._settings.dispatch.lease_s
        lease = Lease(claim=claim, number=claimed.number, until=asked_at + lease_s, taken_over=claimed.taken_over)
        return claimed, lease

    async def make(self, opened: OpenedRequest, send: Send, lease: Lease, permit: Permit) -> EncodedAttempt | None:
        """Hand over, release the permit, keep the outcome. None: the claim is not ours any more, or nobody knows."""
        account = permit.account
        code, request = self._unsealer.code(opened), opened.request
        message = render(code, opened.caller, request.locale, source=request.caller)
        account.budget.earn()
        for _ in range(FENCED_TRIES):
            held = await self._lasting(lease, _limit_s(account, _left_s(opened, self._clock.now())))
            if held is None:
                log.warning("attempt.lease_lost", request_id=request.request_id, attempt=lease.number)
                return None
            attempt = await self._send(opened, send, held, permit, message)
            if attempt.outcome is not Outcome.NOT_SENT:
                break
        permit.release()
        made = EncodedAttempt(attempt=attempt, record=encode(attempt))
        await self._claims.store_outcome(lease.claim, lease.number, made.record)
        return made

    async def _lasting(self, lease: Lease, send_s: float) -> Lease | None:
        """Give a lease that outlasts connecting and sending, renewed where it must be; none when it is gone."""
        now = time.monotonic()
        if lease.until - now >= send_s + CONNECT_LIMIT_S:
            return lease
        if not await self._claims.renew(lease.claim, lease.number):
            return None
        return replace(lease, until=now + self._settings.dispatch.lease_s)

    async def _send(self, opened: OpenedRequest, send: Send, lease: Lease, permit: Permit, message: Message) -> Attempt:
        account, sent_at, started = permit.account, self._clock.now(), time.monotonic()
        test = opened.phone.e164 in self._test_numbers
        error: ProviderError | None = None
        accepted: Accepted | None = None
        try:
            accepted = await _through(account, self._sms(opened, lease, account, message, sent_at), test=test)
            if not test:
                account.succeed(opened.phone.country)
        except ProviderError as refusal:
            error = refusal
            account.fail(opened.phone.country, error, time.monotonic())
        return Attempt(
            request_id=opened.request.request_id,
            number=lease.number,
            caller=opened.request.caller,
            provider=account.provider.name,
            country=opened.phone.country,
            number_hash=opened.phone.hash,
            trigger=send.trigger,
            outcome=error.outcome if error else Outcome.ACCEPTED,
            code=error.code if error else None,
            retry_after_s=error.retry_after_s if error else None,
            message_id=accepted.message_id if accepted else None,
            segments=message.segments,
            sent_at=sent_at,
            duration_ms=round((time.monotonic() - started) * 1000, 3),
            config=self._config,
            excused=lease.taken_over,
            test=test,
            probe=permit.probe,
            replaces=replaced(opened.attempts) if send.trigger in AGAIN else None,
            refutes=refuted(opened.attempts, account.provider.name) if accepted else (),
        )

    def _sms(self, opened: OpenedRequest, lease: Lease, account: Account, message: Message, sent_at: datetime) -> Sms:
        left_s = _left_s(opened, sent_at)
        timeout_s = _limit_s(account, left_s)
        token = self._token(opened, lease, account, sent_at)
        return Sms(
            attempt_id=f"{opened.request.request_id}.{lease.number}",
            to=opened.phone.e164,
            text=message.text,
            sender=account.sender(opened.phone.country),
            pool=account.pool(opened.phone.country),
            registrations=opened.caller.registrations.get(opened.phone.country, NOT_REGISTERED),
            country=opened.phone.country,
            callback_url=f"{self._settings.receipts.public_url}/receipts/{account.provider.name}/{token}",
            reference=token,
            validity_s=int(left_s),
            timeout_s=timeout_s,
            send_before=min(lease.until - timeout_s, time.monotonic() + left_s),
        )

    def _token(self, opened: OpenedRequest, lease: Lease, account: Account, sent_at: datetime) -> str:
        token = CallbackToken(
            request_id=opened.request.request_id,
            number=lease.number,
            provider=account.provider.name,
            country=opened.phone.country,
            sent_at=sent_at,
            config=self._config,
        )
        return issue(token, self._settings.keys.tokens)

    def _claim_of(self, opened: OpenedRequest, send: Send) -> Claim:
        request = opened.request
        resend = request.resend if send.trigger == "resend" else 0
        return Claim(
            request_id=request.request_id,
            number=0 if resend else (opened.attempts[-1].number if opened.attempts else 0) + 1,
            resend=resend,
            source=opened.source,
            caller=request.caller,
            number_hash=opened.phone.hash,
            kid=opened.kid,
            purpose=request.purpose,
            issued_ms=int(opened.life.starts_at.timestamp() * 1000),
            deadline_ms=int(opened.life.deadline_at.timestamp() * 1000),
            request=encode(request).decode(),
            own=opened.own,
            most=anew(self._settings.dispatch, opened.attempts, opened.redriven).max_attempts,
            asked_ms=opened.asked_ms,
            gap_ms=max(int((self._settings.otp.resend_after_s - SLACK_S) * 1000), 0),
        )


def _left_s(opened: OpenedRequest, now: datetime) -> float:
    return (opened.life.deadline_at - now).total_seconds()


def _limit_s(account: Account, left_s: float) -> float:
    """Give the time limit of a hand-over: the provider's, within what is left of the code's life."""
    return max(min(account.timeout_s, left_s), 0.0)


async def _through(account: Account, sms: Sms, *, test: bool) -> Accepted:
    if sms.validity_s < 1:
        raise NotSent("expired")
    if test:
        return Accepted(message_id=TEST_MESSAGE_ID)
    return await account.provider.send(sms)


def adopt(opened: OpenedRequest, claimed: Claimed) -> OpenedRequest:
    """Take the row's word for key and deadline, and for what a resend asks for again: it knows the first record.

    Only how often the person has asked, and in which language, is the resend's own to say.
    """
    if claimed.request is not None:
        first = decode(OtpRequest, claimed.request)
        opened = replace(opened, request=replace(first, resend=opened.request.resend, locale=opened.request.locale))
    deadline_at = datetime.fromtimestamp(claimed.deadline_ms / 1000, tz=UTC)
    if claimed.kid == opened.kid and abs((deadline_at - opened.life.deadline_at).total_seconds()) < 0.001:  # noqa: PLR2004 - the row keeps milliseconds
        return opened
    span = opened.request.expires_at - opened.request.issued_at
    life = Life(starts_at=deadline_at - span, deadline_at=deadline_at)
    return replace(opened, kid=claimed.kid, life=life)

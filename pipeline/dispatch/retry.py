"""After a failure or a silence: again when, through whom, or never."""

from datetime import datetime
from typing import Final

from msgspec import structs

from pipeline.dispatch.attempts import counted
from pipeline.dispatch.decision import Dead, Decision, Finished, Look, Seen, Send
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.life import Life
from pipeline.dispatch.second_look import FIRST_LOOK, TIERS, next_tier, second_send
from pipeline.errors import HANDED_OVER, DeadReason
from pipeline.records import Attempt, ReceiptState
from pipeline.records.topics import Topic
from pipeline.settings import DispatchSettings

_EXPIRED: Final = Dead(reason=DeadReason.EXPIRED, detail="too little of the code's life is left to send")
_SUPERSEDED: Final = Dead(
    reason=DeadReason.SUPERSEDED, detail="a newer request took its place before it was handed over"
)


def decide(
    attempts: tuple[Attempt, ...],
    seen: Seen,
    life: Life,
    now: datetime,
    policy: DispatchSettings,
    *,
    route: RouteHealth = UNKNOWN_HEALTH,
    failure: Dead | None = None,
) -> Decision:
    """Decide what happens next to a request with these attempts (oldest first), at this instant of broker time.

    `route` is the way that the last of them went, as it is known now; `failure` is what providers have said for good.
    """
    if ended := _ended(attempts, seen):
        return ended
    if failure:
        return _end(attempts, failure)
    if not attempts:
        return still(Send(trigger="first"), attempts, life, now, policy)
    last = attempts[-1]
    if last.outcome in HANDED_OVER:
        return _after_hand_over(attempts, seen, life, now, policy, route)
    return still(Send(trigger="failover"), attempts, life, now, policy)


def resend(
    attempts: tuple[Attempt, ...],
    seen: Seen,
    life: Life,
    now: datetime,
    policy: DispatchSettings,
    *,
    failure: Dead | None = None,
) -> Decision:
    """Decide when the person has asked for another message: they know better than any receipt."""
    if seen.verified:
        return Finished(why="verified")
    if failure:
        return _end_wish(attempts, failure)
    if counted(attempts) >= policy.max_attempts:
        return too_many(policy)
    if seen.void:
        return _end_wish(attempts, _SUPERSEDED)
    if now > life.last_send_at(policy.last_send_share):
        return _end_wish(attempts, _EXPIRED)
    return Send(trigger="resend")


def _end_wish(attempts: tuple[Attempt, ...], dead: Dead) -> Decision:
    """End a wish for another message; its caller is told of it, whether or not a provider has an earlier one."""
    end = _end(attempts, dead)
    return structs.replace(end, unsent=dead) if isinstance(end, Finished) else end


def too_many(policy: DispatchSettings) -> Finished:
    """End a wish for another message of a request that has had all its attempts."""
    detail = f"a request has at most {policy.max_attempts} attempts: make a new request"
    return Finished(why="too_many", unsent=Dead(reason=DeadReason.TOO_MANY, detail=detail))


def still(send: Send, attempts: tuple[Attempt, ...], life: Life, now: datetime, policy: DispatchSettings) -> Decision:
    """Send, unless too little of the life is left, or there have been too many attempts."""
    if now > life.last_send_at(policy.last_send_share):
        return _end(attempts, _EXPIRED)
    if counted(attempts) >= policy.max_attempts:
        last = f"the last one: {attempts[-1].provider} answered {attempts[-1].code}"
        return _end(attempts, Dead(reason=DeadReason.EXHAUSTED, detail=f"{len(attempts)} attempts failed; {last}"))
    return send


def wait(send: Send, attempts: tuple[Attempt, ...], life: Life, now: datetime, policy: DispatchSettings) -> Decision:
    """Decide for an attempt that no provider is free for: the tier grows with its age, and shrinks near the end."""
    waited = now - (attempts[-1].sent_at if attempts else life.starts_at)
    tiers = TIERS[:1] if waited < FIRST_LOOK else (TIERS[1], TIERS[0])
    decisions = [_look_or_end(tier, attempts, life, now, policy, waiting=send.trigger) for tier in tiers]
    return next((decision for decision in decisions if isinstance(decision, Look)), decisions[-1])


def superseded(attempts: tuple[Attempt, ...]) -> Decision:
    """End a request that a newer one of the same caller, number and purpose has voided."""
    return _end(attempts, _SUPERSEDED)


def _ended(attempts: tuple[Attempt, ...], seen: Seen) -> Decision | None:
    if seen.verified:
        return Finished(why="verified")
    if seen.void:
        return superseded(attempts)
    if attempts and attempts[-1].test:
        return Finished(why="test")
    if seen.states and ReceiptState.DELIVERED in seen.states:
        return Finished(why="delivered")
    return Finished(why="succeeded") if seen.succeeded else None


def _after_hand_over(
    attempts: tuple[Attempt, ...], seen: Seen, life: Life, now: datetime, policy: DispatchSettings, route: RouteHealth
) -> Decision:
    last = attempts[-1]
    silent = now - last.sent_at
    if send := second_send(last, seen, silent, policy, route):
        return still(send, attempts, life, now, policy)
    return _look_or_end(next_tier(last, silent, policy, route), attempts, life, now, policy)


def _look_or_end(
    tier: Topic,
    attempts: tuple[Attempt, ...],
    life: Life,
    now: datetime,
    policy: DispatchSettings,
    *,
    waiting: str | None = None,
) -> Decision:
    """Look again only while a send could still follow from it."""
    if now + tier.delay > life.last_send_at(policy.last_send_share) or counted(attempts) >= policy.max_attempts:
        return _end(attempts, _EXPIRED)
    return Look(tier=tier, waiting=waiting)


def _end(attempts: tuple[Attempt, ...], dead: Dead) -> Decision:
    """End without a dead letter what some provider has, or may have: its receipt or the person will tell."""
    if any(attempt.outcome in HANDED_OVER for attempt in attempts):
        return Finished(why="handed_over")
    return dead

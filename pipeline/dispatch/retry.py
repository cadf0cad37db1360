"""After a failure or a silence: again when, through whom, or never."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, structs

from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.refusals import FinalWord, as_sent
from pipeline.errors import HANDED_OVER, DeadReason, Outcome
from pipeline.records import FAILED_STATES, Attempt, ReceiptState, Sent
from pipeline.records.topics import RETRY_TIERS, Topic
from pipeline.settings import DispatchSettings

# Nothing reached a phone and time may mend it: no such attempt counts, or a few seconds without any provider would use
# up all attempts of a code that lives for minutes. The breakers keep them few.
PASSING: Final = frozenset({Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.UNAVAILABLE})
AGAIN: Final = frozenset({"second_look", "resend"})  # triggers of second sends: something was handed over before
# An explicit failure receipt is acted on then, and a route that is known to be broken; silence only later.
FIRST_LOOK: Final = timedelta(seconds=10)
EARLY: Final = timedelta(seconds=1)  # that a look may seem to come before its tier: clocks differ
_TIERS: Final = sorted(RETRY_TIERS, key=lambda tier: tier.delay)
_LONGEST_FIRST: Final = tuple(reversed(_TIERS))


class Life(Struct, frozen=True, kw_only=True):
    """When the life of a code began and when it ends, in broker time."""

    starts_at: datetime
    deadline_at: datetime

    def last_send_at(self, share: float) -> datetime:
        """Give the instant after which no send may start: a code must leave the person time to enter it."""
        return self.starts_at + (self.deadline_at - self.starts_at) * share


class Seen(Struct, frozen=True, kw_only=True):
    """What is known of a request beside its attempts."""

    verified: bool = False
    void: bool = False  # a newer request of the same caller, number and purpose took its place
    succeeded: bool = False  # a later attempt than those at hand exists
    states: frozenset[ReceiptState] = frozenset()  # of all attempts
    last_state: ReceiptState | None = None  # of the last attempt at hand


class Send(Struct, frozen=True, kw_only=True):
    """Make the next attempt now."""

    trigger: str  # first, failover, second_look or resend
    silent: bool = False  # the last one was accepted and nothing was heard: counts against the budget
    rescue: bool = False  # the last one went a way that is known to be broken: counts against the cap of rescues


class Look(Struct, frozen=True, kw_only=True):
    """Look again when this tier is due."""

    tier: Topic
    waiting: str | None = None  # the trigger of the attempt that no provider could take yet


class Dead(Struct, frozen=True, kw_only=True):
    """A dead letter."""

    reason: DeadReason
    detail: str


class Finished(Struct, frozen=True, kw_only=True):
    """Nothing is left to do."""

    why: str
    unsent: Dead | None = None  # why nothing more was sent: what a caller is told that wished for another message


Decision = Send | Look | Finished | Dead

NOTHING_SEEN: Final = Seen()
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
    word: FinalWord | None = None,
) -> Decision:
    """Decide what happens next to a request with these attempts (oldest first), at this instant of broker time.

    `route` is the way that the last of them went, as it is known now; `word` is what providers have said for good.
    """
    if ended := _ended(attempts, seen):
        return ended
    if word:
        return _given_up(attempts, word)
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
    word: FinalWord | None = None,
) -> Decision:
    """Decide when the person has asked for another message: they know better than any receipt."""
    if seen.verified:
        return Finished(why="verified")
    if word:
        return _end_wish(attempts, Dead(reason=word.reason, detail=word.detail))
    if _counted(attempts) >= policy.max_attempts:
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
    if _counted(attempts) >= policy.max_attempts:
        last = f"the last one: {attempts[-1].provider} answered {attempts[-1].code}"
        return _end(attempts, Dead(reason=DeadReason.EXHAUSTED, detail=f"{len(attempts)} attempts failed; {last}"))
    return send


def wait(send: Send, attempts: tuple[Attempt, ...], life: Life, now: datetime, policy: DispatchSettings) -> Decision:
    """Decide for an attempt that no provider is free for: the tier grows with its age, and shrinks near the end."""
    waited = now - (attempts[-1].sent_at if attempts else life.starts_at)
    tiers = _TIERS[:1] if waited < FIRST_LOOK else (_TIERS[1], _TIERS[0])
    decisions = [_look_or_end(tier, attempts, life, now, policy, waiting=send.trigger) for tier in tiers]
    return next((decision for decision in decisions if isinstance(decision, Look)), decisions[-1])


def anew(policy: DispatchSettings, attempts: tuple[Attempt, ...], redriven: int) -> DispatchSettings:
    """Give the policy of a redriven request: it may have as many attempts again as it had before."""
    before = tuple(attempt for attempt in attempts if attempt.number <= redriven)
    return replace(policy, max_attempts=policy.max_attempts + _counted(before))


def replaced(attempts: tuple[Attempt, ...]) -> Sent | None:
    """Give the newest of these attempts that a provider has, or may have, as the one that a second send replaces."""
    for last in reversed(attempts):
        if last.outcome in HANDED_OVER:
            return as_sent(last)
    return None


def superseded(attempts: tuple[Attempt, ...]) -> Decision:
    """End a request that a newer one of the same caller, number and purpose has voided."""
    return _end(attempts, _SUPERSEDED)


def _counted(attempts: tuple[Attempt, ...]) -> int:
    """Count the attempts by the newest one's number: not all of them need be at hand."""
    newest = attempts[-1].number if attempts else 0
    return newest - sum(attempt.outcome in PASSING for attempt in attempts)


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


def _given_up(attempts: tuple[Attempt, ...], word: FinalWord) -> Decision:
    return _end(attempts, Dead(reason=word.reason, detail=word.detail))


def _after_hand_over(
    attempts: tuple[Attempt, ...], seen: Seen, life: Life, now: datetime, policy: DispatchSettings, route: RouteHealth
) -> Decision:
    last = attempts[-1]
    silent = now - last.sent_at
    if send := _next(last, seen, silent, policy, route):
        return still(send, attempts, life, now, policy)
    return _look_or_end(_tier(last, silent, policy, route), attempts, life, now, policy)


def _next(last: Attempt, seen: Seen, silent: timedelta, policy: DispatchSettings, route: RouteHealth) -> Send | None:
    """Give the second send of what was handed over so long ago and neither delivered nor verified, if it is time."""
    if seen.last_state in FAILED_STATES:
        return Send(trigger="second_look")
    if route.broken and silent >= _patience(last, policy, route) - EARLY:
        return Send(trigger="second_look", rescue=True)
    overdue = _overdue(policy, route)
    return Send(trigger="second_look", silent=True) if overdue is not None and silent >= overdue else None


def _overdue(policy: DispatchSettings, route: RouteHealth) -> timedelta | None:
    """Give the silence that alone is a reason to send again; none where receipts say nothing."""
    if route.silence_s is None:
        return None
    return timedelta(seconds=max(policy.second_look_s, route.silence_s))


def _patience(last: Attempt, policy: DispatchSettings, route: RouteHealth) -> timedelta:
    """Give the silence after which what went through a broken route is sent again.

    A probe costs no more than seconds. Where receipts say nothing, the entered code alone tells that the route works
    again, and that is credited to a message that was alone: such a probe is given the time that people need.
    """
    if not last.probe:
        return FIRST_LOOK
    return _TIERS[0].delay if route.silence_s is not None else timedelta(seconds=policy.second_look_s)


def _tier(last: Attempt, silent: timedelta, policy: DispatchSettings, route: RouteHealth) -> Topic:
    """Give the tier of the next look: a probe is looked at early and often, what need not be sent again seldom."""
    if last.probe and silent < FIRST_LOOK and route.silence_s is not None:
        return _TIERS[0]
    overdue = _overdue(policy, route) or timedelta(seconds=policy.second_look_s)
    return _tier_towards(overdue - silent) if silent < overdue else _TIERS[-1]


def _tier_towards(missing: timedelta) -> Topic:
    """Give the longest tier up to the first look's that overshoots by no more than the shortest tier is long."""
    limit = min(missing, FIRST_LOOK) + _TIERS[0].delay
    return next(tier for tier in _LONGEST_FIRST if tier.delay <= limit)


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
    if now + tier.delay > life.last_send_at(policy.last_send_share) or _counted(attempts) >= policy.max_attempts:
        return _end(attempts, _EXPIRED)
    return Look(tier=tier, waiting=waiting)


def _end(attempts: tuple[Attempt, ...], dead: Dead) -> Decision:
    """End without a dead letter what some provider has, or may have: its receipt or the person will tell."""
    if any(attempt.outcome in HANDED_OVER for attempt in attempts):
        return Finished(why="handed_over")
    return dead

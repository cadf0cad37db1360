"""What a redrive does with a dead letter.

A redrive is the dead record once more. It goes to dispatch under the name that the claims of that record went by, with
the attempts it had: dispatch claims the attempt after these, and a redrive that is written twice finds it claimed, or
made, by its own name. So it sends nothing twice, whoever dies in the middle.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.dead_letters.letters import Letter, last_number, source_of
from pipeline.dispatch.life import Life
from pipeline.dispatch.refusals import ENOUGH, unwilling
from pipeline.errors import DeadReason
from pipeline.records import LONGEST_LIFE, DeadLetter, Expired, LetterState, OtpRequest, Retry
from pipeline.records.topics import RETRY_TIERS, Topic

TIER: Final[Topic] = min(RETRY_TIERS, key=lambda tier: tier.delay)  # by which dispatch gets a redriven request
NEVER: Final = "its number can never be reached, say two providers"
NOT_KEPT: Final = "nothing of its request was kept that could be sent"
# What no redrive can mend, and why.
HOPELESS: Final[Mapping[DeadReason, str]] = {
    DeadReason.UNDECODABLE: "its record could not be read",
    DeadReason.UNKNOWN_VERSION: "its record could not be read",
    DeadReason.INVALID_FIELD: "a field of its record was wrong",
    DeadReason.OVERSIZED: "its record was too large",
    DeadReason.PLAIN_NUMBER: "its number was not sealed, and so not kept",
    DeadReason.INVALID_NUMBER: "its number is none",
    DeadReason.INVALID_CODE: "its code does not look like one",
    DeadReason.CONFLICT: "its request id is that of another message",
    DeadReason.SUPERSEDED: "a newer request took its place",
    DeadReason.TOO_SOON: "it was a wish for another message, and came too soon",
    DeadReason.TOO_MANY: "its request has had all its attempts",
}


class Reopen(Struct, frozen=True, kw_only=True):
    """Give it to dispatch again, for a new attempt."""

    retry: Retry


class End(Struct, frozen=True, kw_only=True):
    """Its code's life is over, or too little of it is left: send nothing."""

    expired: Expired | None  # what its caller is to be told; none: dispatch has told it


class Refuse(Struct, frozen=True, kw_only=True):
    """It can never work: leave it."""

    why: str


class Done(Struct, frozen=True, kw_only=True):
    """Something was done with it before: leave it."""

    state: LetterState


Decision = Reopen | End | Refuse | Done


class Row(Struct, frozen=True, kw_only=True):
    """What a redrive does with the open letters of one reason."""

    found: int = 0
    redriven: int = 0  # they still live
    expired: int = 0  # their life is over
    refused: int = 0  # they can never work


class Summary(Struct, frozen=True, kw_only=True):
    """What a redrive does, or has done."""

    reasons: Mapping[str, Row]  # the most frequent one first
    refusals: Mapping[str, int]  # why -> letters
    done_before: Mapping[str, int]  # state -> letters that are not open any more

    @property
    def total(self) -> Row:
        """Sum up all reasons."""
        rows = self.reasons.values()
        return Row(
            found=sum(row.found for row in rows),
            redriven=sum(row.redriven for row in rows),
            expired=sum(row.expired for row in rows),
            refused=sum(row.refused for row in rows),
        )


def decide(letter: Letter, now: datetime, *, last_send_share: float, kid: str) -> Decision:
    """Decide what a redrive does with a letter at this instant of broker time.

    `last_send_share` is the share of a life after which no send starts; `kid` names the newest master key, for
    requests of which no code was derived before.
    """
    if letter.resolution:
        return Done(state=letter.resolution.state)
    dead, request = letter.dead, _sendable(letter.dead)
    if dead.reason is DeadReason.REJECTED and len(unwilling(dead.attempts)) >= ENOUGH:
        return Refuse(why=NEVER)
    if request is None:
        return Refuse(why=HOPELESS.get(dead.reason, NOT_KEPT))
    life = _life(dead, request)
    if dead.reason is DeadReason.EXPIRED:
        return End(expired=None)
    if now + TIER.delay > life.last_send_at(last_send_share):
        return End(expired=_expired(dead, request, life))
    return Reopen(retry=_retry(dead, request, life, kid))


def in_words(decision: Decision) -> str:
    """Say what a redrive would do, after the words: a redrive."""
    if isinstance(decision, Reopen):
        return "would open a new attempt"
    if isinstance(decision, End):
        return "would send nothing: the life of its code is over, or too little of it is left"
    if isinstance(decision, Refuse):
        return f"is refused: {decision.why}"
    return f"has nothing to do: the letter is {decision.state}"


def summary(decided: Iterable[tuple[DeadLetter, Decision]]) -> Summary:
    """Count what was decided."""
    reasons: dict[str, Counter[type[Decision]]] = {}
    refusals: Counter[str] = Counter()
    done_before: Counter[str] = Counter()
    for dead, decision in decided:
        if isinstance(decision, Done):
            done_before[decision.state.value] += 1
            continue
        reasons.setdefault(dead.reason.value, Counter())[type(decision)] += 1
        if isinstance(decision, Refuse):
            refusals[decision.why] += 1
    rows = {reason: _row(counts) for reason, counts in reasons.items()}
    by_size = sorted(rows.items(), key=lambda row: (-row[1].found, row[0]))
    return Summary(reasons=dict(by_size), refusals=dict(refusals.most_common()), done_before=dict(done_before))


def expired(dead: DeadLetter) -> Expired | None:
    """Give what the caller of a dead request is told when its life is over; none where it cannot be told who."""
    request = dead.request
    return _expired(dead, request, _life(dead, request)) if request else None


def _sendable(dead: DeadLetter) -> OtpRequest | None:
    """Give the request of a letter if it could be sent, were it not for its age."""
    request = dead.request
    if request is None or dead.reason in HOPELESS:
        return None
    return request if timedelta(0) < request.expires_at - request.issued_at <= LONGEST_LIFE else None


def _row(counts: Counter[type[Decision]]) -> Row:
    return Row(found=counts.total(), redriven=counts[Reopen], expired=counts[End], refused=counts[Refuse])


def _expired(dead: DeadLetter, request: OtpRequest, life: Life) -> Expired:
    return Expired(
        request_id=request.request_id,
        caller=request.caller,
        purpose=request.purpose,
        expired_at=life.deadline_at,
        reason=dead.reason,
    )


def _life(dead: DeadLetter, request: OtpRequest) -> Life:
    """Give the life of the code; where the letter does not know it, no longer than it may have been.

    The record was there before its letter, and the code lives no longer than it says, counted from the append.
    """
    span = request.expires_at - request.issued_at
    deadline_at = min(request.expires_at, dead.deadline_at or dead.at + span)
    return Life(starts_at=deadline_at - span, deadline_at=deadline_at)


def _retry(dead: DeadLetter, request: OtpRequest, life: Life, kid: str) -> Retry:
    wished = request.resend and not any(attempt.trigger == "resend" for attempt in dead.attempts)
    return Retry(
        request=request,
        number_hash=dead.number_hash,
        country=dead.country,
        kid=dead.kid or kid,
        starts_at=life.starts_at,
        deadline_at=life.deadline_at,
        attempts=dead.attempts,
        waiting="resend" if wished else None,
        source=source_of(dead),
        redriven=last_number(dead),
    )

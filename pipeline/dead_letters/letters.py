"""Dead letters as operators see them: by name, with what was done with them, and which of them are meant."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from pipeline.errors import DeadReason
from pipeline.records import Attempt, DeadLetter, LetterState, Origin, RefusedRequest, Resolution
from pipeline.records.topics import VERIFICATIONS


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter, and what was done with it."""

    dead: DeadLetter
    place: Origin  # its own, on the topic of dead letters
    resolution: Resolution | None = None

    @property
    def state(self) -> LetterState:
        """Tell what became of it."""
        return self.resolution.state if self.resolution else LetterState.OPEN


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which dead letters are meant: those that all of these are true of; what is none says nothing."""

    reason: DeadReason | None = None
    provider: str | None = None  # that an attempt went through
    country: str | None = None
    caller: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    name: str | None = None  # request id, or topic/partition/offset of the letter or of the record that died

    def matches(self, letter: Letter, now: datetime) -> bool:
        """Tell whether a letter is meant, at this instant of broker time."""
        dead, age = letter.dead, now - letter.dead.at
        return (
            self.reason in {None, dead.reason}
            and (self.provider is None or any(attempt.provider == self.provider for attempt in dead.attempts))
            and self.country in {None, dead.country}
            and self.caller in {None, dead.caller}
            and (self.older_than is None or age >= self.older_than)
            and (self.newer_than is None or age <= self.newer_than)
            and self.name in {None, dead.request_id, place_of(letter.place), place_of(dead.origin)}
        )


def place_of(origin: Origin) -> str:
    """Give topic/partition/offset."""
    return f"{origin.topic}/{origin.partition}/{origin.offset}"


def source_of(dead: DeadLetter) -> str:
    """Give the name that the claims of the dead record go by."""
    return dead.source or place_of(dead.origin)


def last_number(dead: DeadLetter) -> int:
    """Give the number of the last attempt, or 0."""
    return dead.attempts[-1].number if dead.attempts else 0


def letter_id(dead: DeadLetter) -> str:
    """Name a dead letter: a copy, which a record that is delivered twice may leave, has the same name."""
    return f"{source_of(dead)}.{last_number(dead)}"


def is_of_the_request(dead: DeadLetter) -> bool:
    """Tell a letter by which a request died from one of another record that only bears its id."""
    return dead.reason is not DeadReason.CONFLICT and dead.origin.topic != VERIFICATIONS.name


def refusal_of(dead: DeadLetter) -> RefusedRequest | None:
    """Give what the caller of a dead record is told; none where the record names neither a caller nor a request."""
    if dead.request_id is None and dead.caller is None:
        return None
    return RefusedRequest(
        request_id=dead.request_id,
        caller=dead.caller,
        reason=dead.reason,
        detail=dead.detail,
        resend=dead.request.resend if dead.request else 0,
        origin=dead.origin,
        at=dead.at,
    )


def resolved(letter: Letter, state: LetterState, now: datetime, author: str) -> Resolution:
    """Give the record that says what was done with a letter."""
    return Resolution(
        letter=letter_id(letter.dead),
        died_at=letter.dead.at,
        request_id=letter.dead.request_id,
        state=state,
        author=author,
        at=now,
    )


def filed(letters: Iterable[tuple[Origin, DeadLetter]], resolutions: Iterable[Resolution]) -> tuple[Letter, ...]:
    """Put letters and what was done with them together, newest first; of several by one name the newest."""
    done = {resolution.letter: resolution for resolution in resolutions}
    newest: dict[str, Letter] = {}
    for place, dead in letters:
        name = letter_id(dead)
        known, resolution = newest.get(name), done.get(name)
        if known is None or known.dead.at <= dead.at:
            applies = resolution is not None and dead.at <= resolution.died_at
            newest[name] = Letter(dead=dead, place=place, resolution=resolution if applies else None)
    return tuple(sorted(newest.values(), key=lambda letter: letter.dead.at, reverse=True))


def public(letter: Letter) -> dict[str, Any]:
    """Give what may be shown of a letter: nothing sealed, and no hash of a number."""
    dead, resolution = letter.dead, letter.resolution
    return {
        "place": place_of(letter.place),
        "state": letter.state,
        "resolved": {"at": resolution.at, "author": resolution.author} if resolution else None,
        "at": dead.at,
        "reason": dead.reason,
        "detail": dead.detail,
        "request_id": dead.request_id,
        "caller": dead.caller,
        "country": dead.country,
        "purpose": dead.request.purpose if dead.request else None,
        "expires_at": dead.request.expires_at if dead.request else None,
        "origin": structs.asdict(dead.origin),
        "size": dead.size,
        "attempts": [_public(attempt) for attempt in dead.attempts],
    }


def _public(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "trigger": attempt.trigger,
        "outcome": attempt.outcome,
        "code": attempt.code,  # the provider's error code
        "sent_at": attempt.sent_at,
        "duration_ms": attempt.duration_ms,
    }

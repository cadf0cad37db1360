"""What may be shown of dead letters: nothing sealed, and no hash of a number."""

from typing import Any

from msgspec import structs, to_builtins

from pipeline.dead_letters import Letter, place_of
from pipeline.records import Attempt
from pipeline.redrive import Decision, Done, End, Refuse, Reopen
from workers.redrive import Purged, Redriven


def public(letter: Letter) -> dict[str, Any]:
    """Give what may be shown of a letter."""
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
        "attempts": [_attempt(attempt) for attempt in dead.attempts],
    }


def in_words(decision: Decision) -> str:
    """Say what a redrive would do with a letter."""
    if isinstance(decision, Reopen):
        return "would open a new attempt"
    if isinstance(decision, End):
        return "would send nothing: the life of its code is over, or too little of it is left"
    if isinstance(decision, Refuse):
        return f"is refused: {decision.why}"
    return f"has nothing to do: it is {decision.state}" if isinstance(decision, Done) else ""


def redriven(done: Redriven, *, dry: bool) -> dict[str, Any]:
    """Give the result of a redrive."""
    document: dict[str, Any] = {"dry_run": dry, **structs.asdict(done.summary.total)}
    counts: dict[str, Any] = to_builtins(done.summary)
    return document | counts | {"broken": done.broken}


def purged(done: Purged, *, dry: bool) -> dict[str, Any]:
    """Give the result of a purge."""
    return {
        "dry_run": dry,
        "purged": sum(done.reasons.values()),
        "reasons": done.reasons,
        "done_before": done.done_before,
        "broken": done.broken,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "trigger": attempt.trigger,
        "outcome": attempt.outcome,
        "code": attempt.code,  # the provider's error code
        "sent_at": attempt.sent_at,
        "duration_ms": attempt.duration_ms,
    }

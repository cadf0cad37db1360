"""Which refusals end a request, and which are refuted by what another provider says of the same code.

A provider that calls a good number invalid, or our good text wrong, is broken; one alone cannot be told from a number
that is bad. So it takes the word of two to give a code up, and what one refuses and another takes counts against the
one that refused it.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from typing import Final

from pipeline.dispatch.decision import Dead
from pipeline.errors import DeadReason, Outcome
from pipeline.records import Attempt, Sent

FINAL: Final = {Outcome.REJECTED: DeadReason.REJECTED, Outcome.MALFORMED: DeadReason.MALFORMED}
# What blames the recipient or the text, and says nothing of its provider unless another one takes the same.
REFUTABLE: Final = frozenset({*FINAL, Outcome.UNDELIVERABLE})
ENOUGH: Final = 2  # providers that must say the same


def permanent_failure(attempts: Sequence[Attempt], *, others: bool) -> Dead | None:
    """Give what ends a request for good: the word of two providers, or of one where there are no `others` to ask."""
    said: dict[Outcome, dict[str, str]] = {}
    for attempt in reversed(_since_taken(attempts)):
        if attempt.outcome in FINAL:
            said.setdefault(attempt.outcome, {})[attempt.provider] = f"{attempt.provider} answered {attempt.code}"
    for outcome, words in sorted(said.items(), key=lambda one: -len(one[1])):
        if len(words) >= ENOUGH:
            return Dead(reason=FINAL[outcome], detail=" and ".join(words.values()))
        if not others:
            detail = f"{next(iter(words.values()))}; no other provider is left to ask"
            return Dead(reason=FINAL[outcome], detail=detail)
    return None


def unwilling(attempts: Iterable[Attempt]) -> frozenset[str]:
    """Name the providers that have said their last word: asked again, they would say it again."""
    return frozenset(attempt.provider for attempt in attempts if attempt.outcome in FINAL)


def unheard(providers: Collection[str], attempts: Iterable[Attempt]) -> bool:
    """Tell whether some of these providers have neither said their last word nor taken the code."""
    heard = {
        attempt.provider for attempt in attempts if attempt.outcome in FINAL or attempt.outcome is Outcome.ACCEPTED
    }
    return not heard.issuperset(providers)


def refuted(attempts: Sequence[Attempt], provider: str) -> tuple[Sent, ...]:
    """Give the refusals that are refuted when this provider takes the code: those of others since it was taken last."""
    return tuple(
        as_sent(one) for one in _since_taken(attempts) if one.outcome in REFUTABLE and one.provider != provider
    )


def as_sent(attempt: Attempt) -> Sent:
    """Give what a later attempt says of this one: all that its route is found by."""
    return Sent(number=attempt.number, provider=attempt.provider, sent_at=attempt.sent_at, config=attempt.config)


def _since_taken(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Give the attempts since a provider has taken it, newest first: what was refused before that was refuted by it."""
    return tuple(takewhile(lambda attempt: attempt.outcome is not Outcome.ACCEPTED, reversed(attempts)))

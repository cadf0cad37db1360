"""Dead letters given to dispatch again. The command line and the page call it.

Nothing here sends a message: dispatch does, when the record that a redrive writes is due.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import structs, to_builtins

from pipeline.dead_letters.letters import Letter, LetterFilter
from pipeline.dead_letters.redrive import TIER, Decision, End, Reopen, Summary, decide, summary
from pipeline.errors import StoreAway
from pipeline.records import LetterState, encode
from pipeline.records.topics import EXPIRED
from pipeline.settings import Settings, StateSettings
from workers.operator_actions.dead_letters import read
from workers.operator_actions.writing import Written, chunks, producing, resolution, write
from workers.state.client import Store

Decided = tuple[Letter, Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """What a redrive has done; dry, what it would do."""

    dry: bool
    summary: Summary
    broken: int

    def document(self) -> dict[str, Any]:
        """Give it for programs."""
        counts: dict[str, Any] = to_builtins(self.summary)
        return {"dry_run": self.dry, **structs.asdict(self.summary.total), **counts, "broken": self.broken}


def decision_on(settings: Settings, letter: Letter, now: datetime) -> Decision:
    """Tell what a redrive would do with a letter at this instant."""
    kid = next(iter(settings.keys.codes))
    return decide(letter, now, last_send_share=settings.dispatch.last_send_share, kid=kid)


async def redrive(
    settings: Settings, wanted: LetterFilter, *, author: str, dry: bool = False, limit: int | None = None
) -> Redriven:
    """Give letters that still live to dispatch again, and end those whose life is over; at most `limit`, newest first.

    Killed in the middle and called again it sends nothing twice. Raises BrokerAway, and StoreAway before anything is
    written: without claims a redrive could send twice.
    """
    queue = await read(settings.kafka)
    decided = [(letter, decision_on(settings, letter, queue.now)) for letter in queue.find(wanted)]
    due, left = _parted(decided, limit)
    if due and not dry:
        await _check_store(settings.state)
        due = [one async for one in _redrive(settings, [letter for letter, _ in due], queue.now, author)]
    counts = summary((letter.dead, decision) for letter, decision in [*due, *left])
    return Redriven(dry=dry, summary=counts, broken=queue.broken)


async def _redrive(
    settings: Settings, letters: Sequence[Letter], since: datetime, author: str
) -> AsyncIterator[Decided]:
    """Write what follows, and only then that it was done: what a kill leaves between the two is written again."""
    async with producing(settings.kafka, since) as producer:
        for chunk in chunks(letters):
            now = producer.clock.now()
            decided = [(letter, decision_on(settings, letter, now)) for letter in chunk]
            await write(producer, [record for _, decision in decided for record in _records(decision)])
            done = [(letter, state) for letter, decision in decided if (state := _state(decision))]
            await write(producer, [resolution(letter, state, now, author) for letter, state in done])
            for one in decided:
                yield one


def _parted(decided: Iterable[Decided], limit: int | None) -> tuple[list[Decided], list[Decided]]:
    """Part what there is to do, at most so many, from what is left as it is."""
    due: list[Decided] = []
    left: list[Decided] = []
    for one in decided:
        if _state(one[1]) is None:
            left.append(one)
        elif limit is None or len(due) < limit:
            due.append(one)
    return due, left


def _state(decision: Decision) -> LetterState | None:
    """Tell what becomes of a letter; none: it stays as it is."""
    if isinstance(decision, Reopen):
        return LetterState.REDRIVEN
    return LetterState.EXPIRED if isinstance(decision, End) else None


def _records(decision: Decision) -> Iterator[Written]:
    if isinstance(decision, Reopen):
        yield TIER.name, decision.retry.request.request_id, encode(decision.retry)
    elif isinstance(decision, End) and decision.expired:
        yield EXPIRED.name, decision.expired.request_id, encode(decision.expired)


async def _check_store(state: StateSettings) -> None:
    store = Store(state)
    try:
        await store.condition()
    except StoreAway as error:
        raise StoreAway(
            f"{error}; without it a redrive could send twice, so nothing was done: check state.url"
        ) from None
    finally:
        await store.close()

"""Dead letters: read them, give them to dispatch again, put them out of the way. The command line and the page call it.

Nothing here sends a message: dispatch does, when the record that a redrive writes is due.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from msgspec import structs, to_builtins

from pipeline.errors import BrokerAway, InvalidMessage, StoreAway
from pipeline.letters.dead_letters import Letter, LetterFilter, filed, resolved
from pipeline.letters.redrive import TIER, Decision, End, Reopen, Summary, decide, summary
from pipeline.records import DeadLetter, LetterState, Origin, Record, Resolution, decode, encode
from pipeline.records.topics import DEAD, EXPIRED, RESOLUTIONS
from pipeline.settings import KafkaSettings, Settings, StateSettings
from workers.kafka import BrokerClock, KafkaAdmin, KafkaProducer
from workers.state.client import Store

CHUNK: Final = 500  # letters that are written together: what is written once more after a kill
WITHIN_S: Final = 15.0  # for Kafka to acknowledge a chunk

R = TypeVar("R", bound=Record)
Decided = tuple[Letter, Decision]
Written = tuple[str, str, bytes]  # topic, key, value


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQueue:
    """What is on the topic of dead letters."""

    letters: Sequence[Letter]  # newest first
    broken: int  # records that are no dead letters
    now: datetime  # broker time, as far as reading tells it

    def find(self, wanted: LetterFilter) -> list[Letter]:
        """Give the letters that are meant, newest first, whatever was done with them."""
        return [letter for letter in self.letters if wanted.matches(letter, self.now)]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What a purge has put out of the way; dry, what it would."""

    dry: bool
    reasons: Mapping[str, int]  # the most frequent one first
    done_before: Mapping[str, int]  # state -> letters that were not open any more
    broken: int

    @property
    def purged(self) -> int:
        """Sum up all reasons."""
        return sum(self.reasons.values())

    def document(self) -> dict[str, Any]:
        """Give it for programs."""
        return {
            "dry_run": self.dry,
            "purged": self.purged,
            "reasons": self.reasons,
            "done_before": self.done_before,
            "broken": self.broken,
        }


async def read(kafka: KafkaSettings) -> DeadLetterQueue:
    """Read all dead letters, and what was done with them. Raises BrokerAway."""
    clock, broken = BrokerClock(), 0
    letters: list[tuple[Origin, DeadLetter]] = []
    resolutions: list[Resolution] = []
    async with KafkaAdmin(kafka) as admin:
        async for record in admin.read(DEAD.name):
            clock.witness(record.timestamp_ms)
            if letter := _decoded(DeadLetter, record.value):
                place = Origin(topic=record.topic, partition=record.partition, offset=record.offset)
                letters.append((place, letter))
            else:
                broken += 1
        async for record in admin.read(RESOLUTIONS.name):
            clock.witness(record.timestamp_ms)
            if resolution := _decoded(Resolution, record.value):
                resolutions.append(resolution)
    return DeadLetterQueue(letters=filed(letters, resolutions), broken=broken, now=clock.now())


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


async def purge(
    settings: Settings,
    wanted: LetterFilter,
    *,
    author: str,
    dry: bool = False,
    limit: int | None = None,
    queue: DeadLetterQueue | None = None,
) -> Purged:
    """Put open letters out of the way: no list shows them and no redrive takes them up. Raises BrokerAway.

    Kafka deletes records by their age alone, or all before an offset: theirs go when the topic's retention is over.
    `queue` is what was read before, and shown: what has died since then stays.
    """
    queue = queue or await read(settings.kafka)
    found = queue.find(wanted)
    letters = [letter for letter in found if letter.state is LetterState.OPEN][:limit]
    if letters and not dry:
        async with _producing(settings.kafka, queue.now) as producer:
            for chunk in _chunks(letters):
                now = producer.clock.now()
                await _write(producer, [_resolution(letter, LetterState.PURGED, now, author) for letter in chunk])
    reasons = Counter(letter.dead.reason.value for letter in letters)
    done_before = Counter(letter.state.value for letter in found if letter.resolution)
    return Purged(dry=dry, reasons=dict(reasons.most_common()), done_before=dict(done_before), broken=queue.broken)


async def _redrive(
    settings: Settings, letters: Sequence[Letter], since: datetime, author: str
) -> AsyncIterator[Decided]:
    """Write what follows, and only then that it was done: what a kill leaves between the two is written again."""
    async with _producing(settings.kafka, since) as producer:
        for chunk in _chunks(letters):
            now = producer.clock.now()
            decided = [(letter, decision_on(settings, letter, now)) for letter in chunk]
            await _write(producer, [record for _, decision in decided for record in _records(decision)])
            done = [(letter, state) for letter, decision in decided if (state := _state(decision))]
            await _write(producer, [_resolution(letter, state, now, author) for letter, state in done])
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


def _resolution(letter: Letter, state: LetterState, now: datetime, author: str) -> Written:
    resolution = resolved(letter, state, now, author)
    return RESOLUTIONS.name, resolution.letter, encode(resolution)


def _chunks(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Give the first letter alone: the broker's time is known from its acknowledgement on."""
    rest = iter(letters)
    yield list(islice(rest, 1))
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


@asynccontextmanager
async def _producing(kafka: KafkaSettings, since: datetime) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(kafka)
    producer.clock.witness(int(since.timestamp() * 1000))
    try:
        async with _in_time():
            await producer.start()
        yield producer
    finally:
        await producer.stop()


async def _write(producer: KafkaProducer, records: Iterable[Written]) -> None:
    acknowledged = [producer.send(*record) for record in records]
    async with _in_time():
        await asyncio.gather(*acknowledged)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WITHIN_S):
            yield
    except TimeoutError:
        raise BrokerAway(
            "Kafka: it does not acknowledge what is written; once it answers, do the same again: nothing is sent twice"
        ) from None


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


def _decoded(kind: type[R], value: bytes | None) -> R | None:
    try:
        return decode(kind, value)
    except InvalidMessage:
        return None

"""What follows from a handling: the records that are written, and must be acknowledged before it is finished."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.dead_letters.letters import refusal_of
from pipeline.dead_letters.redrive import expired
from pipeline.dispatch.decision import Dead, Decision, Finished, Look
from pipeline.errors import DeadReason, InvalidMessage, PipelineError
from pipeline.records import DeadLetter, Expired, RefusedRequest, Retry, encode
from pipeline.records.topics import ATTEMPTS, DEAD, EXPIRED, REFUSED, REQUESTS, Topic
from workers.dispatch.handover import Clock, EncodedAttempt
from workers.dispatch.letters import Failed, letter_of
from workers.dispatch.opened import OpenedRequest
from workers.log import get_log
from workers.loop import Record
from workers.metrics import Metrics
from workers.metrics.definitions import DEAD_LETTERS

log = get_log("dispatch")


class Producer(Protocol):
    """What the dispatcher needs of Kafka."""

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[Any]:
        """Start to produce a record; the awaitable ends when Kafka has acknowledged it."""
        ...


@dataclass(slots=True)
class Handling:
    """One record in hand: its request so far, and the records that must be acknowledged before it is finished."""

    record: Record
    opened: OpenedRequest
    made: int = 0  # attempts in this handling
    acks: list[Awaitable[Any]] = field(default_factory=list)

    @property
    def wishes(self) -> bool:
        """Tell whether it is a wish for another message that nothing was sent for so far."""
        new = self.record.topic == REQUESTS.name and self.opened.request.resend > 0
        return not self.made and (new or self.opened.waiting == "resend")


class Outbox:
    """Writes what follows: attempts, looks, dead letters, and what callers are told."""

    def __init__(self, producer: Producer, clock: Clock, metrics: Metrics) -> None:
        self._producer = producer
        self._clock = clock
        self._metrics = metrics

    async def dead_letter(self, record: Record, error: Exception) -> None:
        """Write down a record that can never be handled, without its bytes, which may hold a number."""
        reason = error.reason if isinstance(error, InvalidMessage) else DeadReason.DEFECT
        detail = error.detail if isinstance(error, InvalidMessage) else type(error).__name__
        opened = error.opened if isinstance(error, Failed) else None
        letter = letter_of(record, reason, detail, self._clock.now(), opened)
        log.warning("record.dead", reason=reason, topic=record.topic, partition=record.partition, offset=record.offset)
        told = refusal_of(letter)
        acks = [self._produce(DEAD, letter), *([self._produce(REFUSED, told)] if told else [])]
        await acknowledged(acks)
        self._metrics.count(DEAD_LETTERS, reason)

    def attempt(self, handling: Handling, made: EncodedAttempt) -> None:
        """Start to write an attempt."""
        handling.acks.append(self._producer.send(ATTEMPTS.name, made.attempt.request_id, made.record))

    def conclude(self, handling: Handling, decision: Decision) -> None:
        """Start to write what follows from the end of a handling."""
        opened = handling.opened
        if isinstance(decision, Look):
            handling.acks.append(self._produce(decision.tier, opened.retry(decision.waiting)))
        elif isinstance(decision, Finished):
            if decision.unsent and handling.wishes:
                self._tell(handling, decision.unsent)
        elif isinstance(decision, Dead):
            letter = self._tell(handling, decision)
            log.warning("request.dead", request_id=opened.request.request_id, reason=decision.reason)
            handling.acks.append(self._produce(DEAD, letter))
            self._metrics.count(DEAD_LETTERS, decision.reason)
            if decision.reason is DeadReason.EXPIRED and (told := expired(letter)):
                handling.acks.append(self._produce(EXPIRED, told))

    def _tell(self, handling: Handling, dead: Dead) -> DeadLetter:
        """Tell its caller that nothing is sent for a record, and why; give what an operator would be told."""
        letter = letter_of(handling.record, dead.reason, dead.detail, self._clock.now(), handling.opened)
        if told := refusal_of(letter):
            handling.acks.append(self._produce(REFUSED, told))
        return letter

    def _produce(self, topic: Topic, record: Retry | DeadLetter | Expired | RefusedRequest) -> Awaitable[Any]:
        key = record.request.request_id if isinstance(record, Retry) else record.request_id
        return self._producer.send(topic.name, key or "", encode(record))


async def acknowledged(acks: Iterable[Awaitable[Any]]) -> None:
    """Wait for all of them, then raise what one of them failed with."""
    failure: PipelineError | None = None
    for ack in acks:
        try:
            await ack
        except PipelineError as error:
            failure = error
    if failure:
        raise failure

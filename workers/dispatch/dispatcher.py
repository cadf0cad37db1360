"""Handles one record at a time: open, decide, hand over, decide again, write down what follows."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.dead_letters import refusal_of
from pipeline.errors import DeadReason, InvalidMessage, PipelineError, StoreAway
from pipeline.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.records import Attempt, DeadLetter, Expired, RefusedRequest, Retry, decode, encode
from pipeline.redrive import expired
from pipeline.refusals import FinalWord, final_word, unheard
from pipeline.retry import (
    NOTHING_SEEN,
    Dead,
    Decision,
    Finished,
    Look,
    Seen,
    Send,
    anew,
    decide,
    resend,
    still,
    superseded,
    wait,
)
from pipeline.settings import DispatchSettings, Settings
from pipeline.topics import ATTEMPTS, DEAD, EXPIRED, REFUSED, REQUESTS, Topic
from workers.dispatch.case import Case, Opener
from workers.dispatch.counting import count_attempt, count_request
from workers.dispatch.desk import Place
from workers.dispatch.desks import Desks
from workers.dispatch.handover import MAY_SEND, Clock, HandOver, Made, Mine, adopt
from workers.dispatch.letters import Failed, letter_of
from workers.dispatch.refusing import refused
from workers.log import get_log
from workers.loop import Record
from workers.metrics import Metrics
from workers.metrics.definitions import DEAD_LETTERS
from workers.state.claims import Claimed, Claims, ClaimVerdict

log = get_log("dispatch")


class Producer(Protocol):
    """What the dispatcher needs of Kafka."""

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[Any]:
        """Start to produce a record; the awaitable ends when Kafka has acknowledged it."""
        ...


@dataclass(slots=True)
class Handling:
    """One record in hand: its case so far, and the records that must be acknowledged before it is finished."""

    record: Record
    case: Case
    made: int = 0  # attempts in this handling
    acks: list[Awaitable[Any]] = field(default_factory=list)

    @property
    def wishes(self) -> bool:
        """Tell whether it is a wish for another message that nothing was sent for so far."""
        new = self.record.topic == REQUESTS.name and self.case.request.resend > 0
        return not self.made and (new or self.case.waiting == "resend")


class Dispatcher:
    """Request or second look -> route -> provider -> attempt."""

    def __init__(
        self,
        settings: Settings,
        *,
        producer: Producer,
        claims: Claims,
        desks: Desks,
        opener: Opener,
        hand_over: HandOver,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._policy = settings.dispatch
        self._test_numbers = frozenset(settings.otp.test_numbers)
        self._producer = producer
        self._claims = claims
        self._desks = desks
        self._opener = opener
        self._hand_over = hand_over
        self._clock = clock
        self._metrics = metrics

    async def handle(self, record: Record) -> None:
        """Handle one record to its end: what follows from it is acknowledged. Raises InvalidMessage and BrokerAway."""
        if record.topic == REQUESTS.name:
            handling, decide_first = Handling(record, self._opener.request(record)), self._first
        else:
            handling, decide_first = Handling(record, self._opener.retry(record)), self._second_look
        try:
            decision = await decide_first(handling)
            while isinstance(decision, Send):
                decision = await self._send(handling, decision)
            self._conclude(handling, decision)
        except Exception as error:
            await _acknowledged(handling.acks)  # what was done before the error stays done
            if isinstance(error, PipelineError) and not isinstance(error, InvalidMessage):
                raise
            raise Failed(_invalid(error, handling.case), handling.case) from error
        await _acknowledged(handling.acks)

    async def dead_letter(self, record: Record, error: Exception) -> None:
        """Write down a record that can never be handled, without its bytes, which may hold a number."""
        reason = error.reason if isinstance(error, InvalidMessage) else DeadReason.DEFECT
        detail = error.detail if isinstance(error, InvalidMessage) else type(error).__name__
        case = error.case if isinstance(error, Failed) else None
        letter = letter_of(record, reason, detail, self._clock.now(), case)
        log.warning("record.dead", reason=reason, topic=record.topic, partition=record.partition, offset=record.offset)
        told = refusal_of(letter)
        acks = [self._produce(DEAD, letter), *([self._produce(REFUSED, told)] if told else [])]
        await _acknowledged(acks)
        self._metrics.count(DEAD_LETTERS, reason)

    async def _first(self, handling: Handling) -> Decision:
        case = handling.case
        count_request(self._metrics, case, test=case.phone.e164 in self._test_numbers)
        if no_route := self._no_route(case):
            return no_route
        if case.request.resend:
            earlier = await self._claims.attempts(case.request.request_id, asked_by=case.source)
            handling.case = case.with_attempts(earlier)
            return self._resend(handling, NOTHING_SEEN)
        decision = self._decide(handling, NOTHING_SEEN)
        if isinstance(decision, Send):
            return decision
        return self._look(handling, await self._recall(handling))

    async def _second_look(self, handling: Handling) -> Decision:
        waits_for_resend = handling.case.waiting == "resend"
        if not handling.case.attempts and (no_route := self._no_route(handling.case)):
            return no_route
        seen = await self._recall(handling)
        if waits_for_resend and not handling.made:
            return self._resend(handling, seen)
        return self._look(handling, seen)

    def _no_route(self, case: Case) -> Dead | None:
        if self._desks.reaches(case.phone.country):
            return None
        return Dead(reason=DeadReason.NO_ROUTE, detail=f"no provider is configured for {case.phone.country}")

    async def _recall(self, handling: Handling) -> Seen:
        """Take up what this very record has done before a crash, and tell what is known of its request now."""
        while True:
            number = handling.case.attempts[-1].number if handling.case.attempts else 0
            try:
                looked = await self._claims.look(handling.case.request.request_id, number, handling.case.source)
            except StoreAway:
                return NOTHING_SEEN
            if looked.made is None:
                return looked.seen
            self._take_up(handling, Made(attempt=decode(Attempt, looked.made), record=looked.made))

    def _take_up(self, handling: Handling, made: Made) -> None:
        handling.made += 1
        handling.case = handling.case.with_attempt(made.attempt)
        handling.acks.append(self._producer.send(ATTEMPTS.name, made.attempt.request_id, made.record))

    def _look(self, handling: Handling, seen: Seen) -> Decision:
        """Decide by what is known now of the request, and of the way that its last attempt went."""
        case = handling.case
        if not case.attempts:
            return self._decide(handling, seen)
        return self._decide(handling, seen, self._desks.health_of(case.attempts[-1].provider, case.phone.country))

    def _decide(self, handling: Handling, seen: Seen, route: RouteHealth = UNKNOWN_HEALTH) -> Decision:
        case = handling.case
        decision = decide(
            case.attempts,
            seen,
            case.life,
            self._clock.now(),
            self._policy_of(case),
            route=route,
            word=self._word(case),
        )
        if isinstance(decision, Send) and decision.silent and not self._may_send_again(handling.case):
            return self._wait(handling, decision)
        return decision

    def _resend(self, handling: Handling, seen: Seen) -> Decision:
        case = handling.case
        policy, word = self._policy_of(case), self._word(case)
        return resend(case.attempts, seen, case.life, self._clock.now(), policy, word=word)

    def _word(self, case: Case) -> FinalWord | None:
        """Give what the providers of its country have said for good."""
        counted = case.counted
        return final_word(counted, others=unheard(self._desks.names_in(case.phone.country), counted))

    def _still(self, handling: Handling, send: Send) -> Decision:
        if send.trigger == "resend":
            return self._resend(handling, NOTHING_SEEN)
        case = handling.case
        return still(send, case.attempts, case.life, self._clock.now(), self._policy_of(case))

    def _wait(self, handling: Handling, send: Send) -> Decision:
        case = handling.case
        return wait(send, case.attempts, case.life, self._clock.now(), self._policy_of(case))

    def _policy_of(self, case: Case) -> DispatchSettings:
        return anew(self._policy, case.attempts, case.redriven) if case.redriven else self._policy

    def _may_send_again(self, case: Case) -> bool:
        """Take a second send from the budget of the silent provider, if the settings still have it."""
        desk = self._desks.all.get(case.attempts[-1].provider)
        return desk is None or desk.budget.spend()

    async def _send(self, handling: Handling, send: Send) -> Decision:
        """Make an attempt through whichever provider is free, and decide what is next."""
        number = handling.case.attempts[-1].number + 1 if handling.case.attempts else 1
        place = await self._desks.take(handling.case, number, again=not handling.made, rescue=send.rescue)
        if place is None:
            return self._wait(handling, send)
        try:
            claimed, mine = await self._hand_over.claim(handling.case, send)
            handling.case = adopt(handling.case, claimed)
            if claimed.verdict in MAY_SEND:
                return await self._make(handling, send, mine, place)
        finally:
            place.free()
        return await self._claimed_before(handling, send, claimed)

    async def _make(self, handling: Handling, send: Send, mine: Mine, place: Place) -> Decision:
        decision = self._still(handling, send)
        if not isinstance(decision, Send):  # time has passed since it was decided
            return decision
        made = await self._hand_over.make(handling.case, send, mine, place)
        if made is None:
            return self._still(handling, send)  # claims again, and learns who has it
        count_attempt(self._metrics, handling.case, send, made.attempt)
        self._desks.refute(made.attempt)
        self._take_up(handling, made)
        return self._decide(handling, NOTHING_SEEN)

    async def _claimed_before(self, handling: Handling, send: Send, claimed: Claimed) -> Decision:
        """Decide when the claim says that there is nothing to send now."""
        if claimed.verdict is ClaimVerdict.WAIT:
            await asyncio.sleep(claimed.wait_s)
            return self._still(handling, send)
        if claimed.verdict is ClaimVerdict.KNOWN and claimed.outcome:
            self._take_up(handling, Made(attempt=decode(Attempt, claimed.outcome), record=claimed.outcome))
            return self._look(handling, await self._recall(handling))
        if decision := refused(claimed, self._settings):
            return decision
        if claimed.verdict is ClaimVerdict.VOID:
            if send.trigger == "resend":
                return self._resend(handling, Seen(void=True))
            return superseded(handling.case.attempts)
        return Finished(why=claimed.verdict.value)

    def _conclude(self, handling: Handling, decision: Decision) -> None:
        case = handling.case
        if isinstance(decision, Look):
            handling.acks.append(self._produce(decision.tier, case.retry(decision.waiting)))
        elif isinstance(decision, Finished):
            if decision.unsent and handling.wishes:
                self._tell(handling, decision.unsent)
        elif isinstance(decision, Dead):
            letter = self._tell(handling, decision)
            log.warning("request.dead", request_id=case.request.request_id, reason=decision.reason)
            handling.acks.append(self._produce(DEAD, letter))
            self._metrics.count(DEAD_LETTERS, decision.reason)
            if decision.reason is DeadReason.EXPIRED and (told := expired(letter)):
                handling.acks.append(self._produce(EXPIRED, told))

    def _tell(self, handling: Handling, dead: Dead) -> DeadLetter:
        """Tell its caller that nothing is sent for a record, and why; give what an operator would be told."""
        letter = letter_of(handling.record, dead.reason, dead.detail, self._clock.now(), handling.case)
        if told := refusal_of(letter):
            handling.acks.append(self._produce(REFUSED, told))
        return letter

    def _produce(self, topic: Topic, record: Retry | DeadLetter | Expired | RefusedRequest) -> Awaitable[Any]:
        key = record.request.request_id if isinstance(record, Retry) else record.request_id
        return self._producer.send(topic.name, key or "", encode(record))


async def _acknowledged(acks: Iterable[Awaitable[Any]]) -> None:
    """Wait for all of them, then raise what one of them failed with."""
    failure: PipelineError | None = None
    for ack in acks:
        try:
            await ack
        except PipelineError as error:
            failure = error
    if failure:
        raise failure


def _invalid(error: Exception, case: Case) -> InvalidMessage:
    """Give the error as one of the record's; what our own code should not have raised is a defect."""
    if isinstance(error, InvalidMessage):
        return error
    log.error("request.defect", request_id=case.request.request_id, exc_info=error)
    return InvalidMessage(DeadReason.DEFECT, type(error).__name__, source=case.request.caller)

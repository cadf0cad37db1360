"""Handles one record at a time: open, decide, hand over, decide again."""

import asyncio

from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.refusals import FinalWord, final_word, unheard, unwilling
from pipeline.dispatch.retry import (
    NOTHING_SEEN,
    Dead,
    Decision,
    Finished,
    Seen,
    Send,
    anew,
    decide,
    resend,
    still,
    superseded,
    wait,
)
from pipeline.errors import DeadReason, InvalidMessage, Outcome, PipelineError, StoreAway
from pipeline.records import Attempt, decode
from pipeline.records.topics import REQUESTS
from pipeline.settings import DispatchSettings, Settings
from workers.dispatch.case import Case, Opener
from workers.dispatch.counting import count_attempt, count_request
from workers.dispatch.desk import Place
from workers.dispatch.desks import Desks
from workers.dispatch.handover import MAY_SEND, Clock, HandOver, Made, Mine, adopt
from workers.dispatch.letters import Failed
from workers.dispatch.outbox import Handling, Outbox, Producer, acknowledged
from workers.dispatch.refusing import refused
from workers.log import get_log
from workers.loop import Record
from workers.metrics import Metrics
from workers.state.claiming import Claimed, ClaimVerdict
from workers.state.claims import Claims

log = get_log("dispatch")


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
        self._outbox = Outbox(producer, clock, metrics)
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
            self._outbox.conclude(handling, decision)
        except Exception as error:
            await acknowledged(handling.acks)  # what was done before the error stays done
            if isinstance(error, PipelineError) and not isinstance(error, InvalidMessage):
                raise
            raise Failed(_invalid(error, handling.case), handling.case) from error
        await acknowledged(handling.acks)

    async def dead_letter(self, record: Record, error: Exception) -> None:
        """Write down a record that can never be handled, without its bytes, which may hold a number."""
        await self._outbox.dead_letter(record, error)

    async def _first(self, handling: Handling) -> Decision:
        case = handling.case
        count_request(self._metrics, case, test=case.phone.e164 in self._test_numbers)
        if no_route := self._no_route(case):
            return no_route
        if case.request.resend:
            had = await self._claims.attempts(case.request.request_id, asked_by=case.source)
            handling.case = case.with_attempts(had.attempts)
            # One that comes again is not judged anew: its claim knows what it did.
            return Send(trigger="resend") if had.itself else self._resend(handling, NOTHING_SEEN)
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
        self._outbox.attempt(handling, made)

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
        policy, word = self._policy_of(case), self._word(case, wished=True)
        return resend(case.attempts, seen, case.life, self._clock.now(), policy, word=word)

    def _word(self, case: Case, *, wished: bool = False) -> FinalWord | None:
        """Give what the providers of its country have said for good. By a wish one that took it may be asked again."""
        counted = case.counted
        if not unwilling(counted):  # nearly always: it is asked after each attempt
            return None
        taken = wished and any(attempt.outcome is Outcome.ACCEPTED for attempt in counted)
        return final_word(counted, others=taken or unheard(self._desks.names_in(case.phone.country), counted))

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


def _invalid(error: Exception, case: Case) -> InvalidMessage:
    """Give the error as one of the record's; what our own code should not have raised is a defect."""
    if isinstance(error, InvalidMessage):
        return error
    log.error("request.defect", request_id=case.request.request_id, exc_info=error)
    return InvalidMessage(DeadReason.DEFECT, type(error).__name__, source=case.request.caller)

"""Handles one record at a time: open, decide, hand over, decide again."""

import asyncio

from pipeline.dispatch.attempts import anew
from pipeline.dispatch.decision import NOTHING_SEEN, Dead, Decision, Finished, Seen, Send
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.refusals import permanent_failure, unheard, unwilling
from pipeline.dispatch.retry import decide, resend, still, superseded, wait
from pipeline.errors import DeadReason, InvalidMessage, Outcome, PipelineError, StoreAway
from pipeline.records import Attempt, decode
from pipeline.records.topics import REQUESTS
from pipeline.settings import DispatchSettings, Settings
from workers.dispatch.account import Permit
from workers.dispatch.accounts import Accounts
from workers.dispatch.counting import count_attempt, count_request
from workers.dispatch.handover import MAY_SEND, Clock, EncodedAttempt, HandOver, Lease, adopt
from workers.dispatch.letters import Failed
from workers.dispatch.opened import OpenedRequest
from workers.dispatch.outbox import Handling, Outbox, Producer, acknowledged
from workers.dispatch.refusing import refused
from workers.dispatch.unsealer import Unsealer
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
        accounts: Accounts,
        unsealer: Unsealer,
        hand_over: HandOver,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._policy = settings.dispatch
        self._test_numbers = frozenset(settings.otp.test_numbers)
        self._outbox = Outbox(producer, clock, metrics)
        self._claims = claims
        self._accounts = accounts
        self._unsealer = unsealer
        self._hand_over = hand_over
        self._clock = clock
        self._metrics = metrics

    async def handle(self, record: Record) -> None:
        """Handle one record to its end: what follows from it is acknowledged. Raises InvalidMessage and BrokerAway."""
        if record.topic == REQUESTS.name:
            handling, decide_first = Handling(record, self._unsealer.request(record)), self._first
        else:
            handling, decide_first = Handling(record, self._unsealer.retry(record)), self._second_look
        try:
            decision = await decide_first(handling)
            while isinstance(decision, Send):
                decision = await self._send(handling, decision)
            self._outbox.conclude(handling, decision)
        except Exception as error:
            await acknowledged(handling.acks)  # what was done before the error stays done
            if isinstance(error, PipelineError) and not isinstance(error, InvalidMessage):
                raise
            raise Failed(_invalid(error, handling.opened), handling.opened) from error
        await acknowledged(handling.acks)

    async def dead_letter(self, record: Record, error: Exception) -> None:
        """Write down a record that can never be handled, without its bytes, which may hold a number."""
        await self._outbox.dead_letter(record, error)

    async def _first(self, handling: Handling) -> Decision:
        opened = handling.opened
        count_request(self._metrics, opened, test=opened.phone.e164 in self._test_numbers)
        if no_route := self._no_route(opened):
            return no_route
        if opened.request.resend:
            had = await self._claims.attempts(opened.request.request_id, asked_by=opened.source)
            handling.opened = opened.with_attempts(had.attempts)
            # One that comes again is not judged anew: its claim knows what it did.
            return Send(trigger="resend") if had.itself else self._resend(handling, NOTHING_SEEN)
        decision = self._decide(handling, NOTHING_SEEN)
        if isinstance(decision, Send):
            return decision
        return self._look(handling, await self._recall(handling))

    async def _second_look(self, handling: Handling) -> Decision:
        waits_for_resend = handling.opened.waiting == "resend"
        if not handling.opened.attempts and (no_route := self._no_route(handling.opened)):
            return no_route
        seen = await self._recall(handling)
        if waits_for_resend and not handling.made:
            return self._resend(handling, seen)
        return self._look(handling, seen)

    def _no_route(self, opened: OpenedRequest) -> Dead | None:
        if self._accounts.reaches(opened.phone.country):
            return None
        return Dead(reason=DeadReason.NO_ROUTE, detail=f"no provider is configured for {opened.phone.country}")

    async def _recall(self, handling: Handling) -> Seen:
        """Take up what this very record has done before a crash, and tell what is known of its request now."""
        while True:
            number = handling.opened.attempts[-1].number if handling.opened.attempts else 0
            try:
                looked = await self._claims.look(handling.opened.request.request_id, number, handling.opened.source)
            except StoreAway:
                return NOTHING_SEEN
            if looked.made is None:
                return looked.seen
            self._take_up(handling, EncodedAttempt(attempt=decode(Attempt, looked.made), record=looked.made))

    def _take_up(self, handling: Handling, made: EncodedAttempt) -> None:
        handling.made += 1
        handling.opened = handling.opened.with_attempt(made.attempt)
        self._outbox.attempt(handling, made)

    def _look(self, handling: Handling, seen: Seen) -> Decision:
        """Decide by what is known now of the request, and of the way that its last attempt went."""
        opened = handling.opened
        if not opened.attempts:
            return self._decide(handling, seen)
        route = self._accounts.health_of(opened.attempts[-1].provider, opened.phone.country)
        return self._decide(handling, seen, route)

    def _decide(self, handling: Handling, seen: Seen, route: RouteHealth = UNKNOWN_HEALTH) -> Decision:
        opened = handling.opened
        decision = decide(
            opened.attempts,
            seen,
            opened.life,
            self._clock.now(),
            self._policy_of(opened),
            route=route,
            failure=self._permanent_failure(opened),
        )
        if isinstance(decision, Send) and decision.silent and not self._may_send_again(handling.opened):
            return self._wait(handling, decision)
        return decision

    def _resend(self, handling: Handling, seen: Seen) -> Decision:
        opened = handling.opened
        policy, failure = self._policy_of(opened), self._permanent_failure(opened, wished=True)
        return resend(opened.attempts, seen, opened.life, self._clock.now(), policy, failure=failure)

    def _permanent_failure(self, opened: OpenedRequest, *, wished: bool = False) -> Dead | None:
        """Give what the providers of its country have said for good. By a wish one that took it may be asked again."""
        counted = opened.counted
        if not unwilling(counted):  # nearly always: it is asked after each attempt
            return None
        taken = wished and any(attempt.outcome is Outcome.ACCEPTED for attempt in counted)
        others = taken or unheard(self._accounts.names_in(opened.phone.country), counted)
        return permanent_failure(counted, others=others)

    def _still(self, handling: Handling, send: Send) -> Decision:
        if send.trigger == "resend":
            return self._resend(handling, NOTHING_SEEN)
        opened = handling.opened
        return still(send, opened.attempts, opened.life, self._clock.now(), self._policy_of(opened))

    def _wait(self, handling: Handling, send: Send) -> Decision:
        opened = handling.opened
        return wait(send, opened.attempts, opened.life, self._clock.now(), self._policy_of(opened))

    def _policy_of(self, opened: OpenedRequest) -> DispatchSettings:
        return anew(self._policy, opened.attempts, opened.redriven) if opened.redriven else self._policy

    def _may_send_again(self, opened: OpenedRequest) -> bool:
        """Take a second send from the budget of the silent provider, if the settings still have it."""
        account = self._accounts.all.get(opened.attempts[-1].provider)
        return account is None or account.budget.spend()

    async def _send(self, handling: Handling, send: Send) -> Decision:
        """Make an attempt through whichever provider is free, and decide what is next."""
        number = handling.opened.attempts[-1].number + 1 if handling.opened.attempts else 1
        permit = await self._accounts.acquire(handling.opened, number, again=not handling.made, rescue=send.rescue)
        if permit is None:
            return self._wait(handling, send)
        try:
            claimed, lease = await self._hand_over.claim(handling.opened, send)
            handling.opened = adopt(handling.opened, claimed)
            if claimed.verdict in MAY_SEND:
                return await self._make(handling, send, lease, permit)
        finally:
            permit.release()
        return await self._claimed_before(handling, send, claimed)

    async def _make(self, handling: Handling, send: Send, lease: Lease, permit: Permit) -> Decision:
        decision = self._still(handling, send)
        if not isinstance(decision, Send):  # time has passed since it was decided
            return decision
        made = await self._hand_over.make(handling.opened, send, lease, permit)
        if made is None:
            return self._still(handling, send)  # claims again, and learns who has it
        count_attempt(self._metrics, handling.opened, send, made.attempt)
        self._accounts.refute(made.attempt)
        self._take_up(handling, made)
        return self._decide(handling, NOTHING_SEEN)

    async def _claimed_before(self, handling: Handling, send: Send, claimed: Claimed) -> Decision:
        """Decide when the claim says that there is nothing to send now."""
        if claimed.verdict is ClaimVerdict.WAIT:
            await asyncio.sleep(claimed.wait_s)
            return self._still(handling, send)
        if claimed.verdict is ClaimVerdict.KNOWN and claimed.outcome:
            self._take_up(handling, EncodedAttempt(attempt=decode(Attempt, claimed.outcome), record=claimed.outcome))
            return self._look(handling, await self._recall(handling))
        if decision := refused(claimed, self._settings):
            return decision
        if claimed.verdict is ClaimVerdict.VOID:
            if send.trigger == "resend":
                return self._resend(handling, Seen(void=True))
            return superseded(handling.opened.attempts)
        return Finished(why=claimed.verdict.value)


def _invalid(error: Exception, opened: OpenedRequest) -> InvalidMessage:
    """Give the error as one of the record's; what our own code should not have raised is a defect."""
    if isinstance(error, InvalidMessage):
        return error
    log.error("request.defect", request_id=opened.request.request_id, exc_info=error)
    return InvalidMessage(DeadReason.DEFECT, type(error).__name__, source=opened.request.caller)

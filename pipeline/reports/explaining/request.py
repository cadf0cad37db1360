"""Why a request went the way it went, from what is on the topics. Nothing personal: no number, no hash, no code."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from pipeline.records import Attempt, DeadLetter, OtpRequest, Receipt, ReceiptState, RouteTable, Verdict, Verification

FIRST: Final = "first"
FAILOVER: Final = "failover"
SECOND_LOOK: Final = "second_look"
RESEND: Final = "resend"


class RequestRecords(Struct, frozen=True, kw_only=True):
    """What the topics hold of one request."""

    request: OtpRequest | None = None
    attempts: Sequence[Attempt] = ()
    receipts: Sequence[Receipt] = ()
    verifications: Sequence[Verification] = ()
    dead: DeadLetter | None = None  # the newest
    tables: Sequence[RouteTable] = ()  # of its country; those that were compacted away are missing


class ReceiptStory(Struct, frozen=True, kw_only=True):
    """A delivery receipt."""

    state: str
    code: str | None
    after_s: float  # of the send


class AttemptStory(Struct, frozen=True, kw_only=True):
    """One attempt."""

    number: int
    provider: str
    why: str  # it was made
    outcome: str
    code: str | None  # the provider's error code
    message_id: str | None  # the provider's own
    sent_at: datetime
    duration_ms: float
    share: float | None  # of the provider in its country then; none: no table is left of then
    state: str | None  # of the route then
    moved: str | None  # what the table of then says of its newest change
    probe: bool
    excused: int
    test: bool
    receipts: tuple[ReceiptStory, ...]


class EntryStory(Struct, frozen=True, kw_only=True):
    """A person entered a code."""

    verdict: str
    provider: str | None
    at: datetime


class RequestStory(Struct, frozen=True, kw_only=True):
    """One request."""

    request_id: str
    caller: str | None
    purpose: str | None
    country: str | None
    asked_at: datetime | None
    expires_at: datetime | None
    says: str  # how it ended, as far as is known
    attempts: tuple[AttemptStory, ...]
    entered: tuple[EntryStory, ...]
    dead: str | None  # why it was given up


def explain_request(request_id: str, known: RequestRecords) -> RequestStory | None:
    """Explain a request; none when nothing is known of it."""
    dead, request = known.dead, known.request or (known.dead.request if known.dead else None)
    attempts = _attempts(known)
    if not (request or attempts or dead or known.verifications):
        return None
    return RequestStory(
        request_id=request_id,
        caller=_caller(known, request),
        purpose=request.purpose if request else None,
        country=next((attempt.country for attempt in attempts), dead.country if dead else None),
        asked_at=request.issued_at if request else None,
        expires_at=request.expires_at if request else None,
        says=_ending(known, attempts),
        attempts=tuple(_tried(attempt, attempts, known) for attempt in attempts),
        entered=tuple(
            EntryStory(verdict=one.verdict, provider=one.provider, at=one.at)
            for one in sorted(known.verifications, key=lambda one: one.at)
        ),
        dead=f"{dead.reason}: {dead.detail}" if dead else None,
    )


def table_of(tables: Iterable[RouteTable], country: str, at: datetime) -> RouteTable | None:
    """Give the table that held at an instant; none when it was compacted away, or none was there."""
    before = [table for table in tables if table.country == country and table.changed_at <= at]
    return max(before, key=lambda table: table.changed_at, default=None)


def _attempts(known: RequestRecords) -> list[Attempt]:
    """Give the attempts by number, each once: the same record may be there twice."""
    found: Mapping[int, Attempt] = {attempt.number: attempt for attempt in known.attempts}
    in_letter = {attempt.number: attempt for attempt in known.dead.attempts} if known.dead else {}
    return [attempt for _, attempt in sorted({**in_letter, **found}.items())]


def _caller(known: RequestRecords, request: OtpRequest | None) -> str | None:
    told = [*(one.caller for one in known.attempts), *(one.caller for one in known.verifications)]
    return request.caller if request else next(iter(told), known.dead.caller if known.dead else None)


def _tried(attempt: Attempt, attempts: Sequence[Attempt], known: RequestRecords) -> AttemptStory:
    table = table_of(known.tables, attempt.country, attempt.sent_at)
    route = next((one for one in table.routes if one.provider == attempt.provider), None) if table else None
    return AttemptStory(
        number=attempt.number,
        provider=attempt.provider,
        why=_why(attempt, attempts),
        outcome=attempt.outcome,
        code=attempt.code,
        message_id=attempt.message_id,
        sent_at=attempt.sent_at,
        duration_ms=attempt.duration_ms,
        share=route.share if route else None,
        state=route.state if route else None,
        moved=table.why if table else None,
        probe=attempt.probe,
        excused=attempt.excused,
        test=attempt.test,
        receipts=_receipts(attempt, known.receipts),
    )


def _why(attempt: Attempt, attempts: Sequence[Attempt]) -> str:
    before = next((one for one in reversed(attempts) if one.number < attempt.number), None)
    if attempt.trigger == FAILOVER and before:
        return f"attempt {before.number} through {before.provider} ended as {before.outcome}"
    if attempt.trigger == SECOND_LOOK and attempt.replaces:
        return f"nothing was heard of attempt {attempt.replaces.number} through {attempt.replaces.provider}"
    if attempt.trigger == RESEND:
        return "the person asked for another message"
    return "the first one" if attempt.trigger == FIRST else attempt.trigger.replace("_", " ")


def _receipts(attempt: Attempt, receipts: Iterable[Receipt]) -> tuple[ReceiptStory, ...]:
    ours = {(one.state, one.received_at): one for one in receipts if one.number == attempt.number}
    return tuple(
        ReceiptStory(
            state=one.state,
            code=one.code,
            after_s=round((one.received_at - attempt.sent_at).total_seconds(), 1),
        )
        for one in sorted(ours.values(), key=lambda one: one.received_at)
    )


def _ending(known: RequestRecords, attempts: Sequence[Attempt]) -> str:
    """Say how it ended. What a person did says more than what a provider did."""
    if any(one.verdict is Verdict.VERIFIED for one in known.verifications):
        return "the code was entered and right"
    delivered = [one for one in known.receipts if one.state is ReceiptState.DELIVERED]
    if delivered:
        return f"delivered through {delivered[0].provider}, and not entered as far as is known"
    if known.dead and not any(attempt.sent_at > known.dead.at for attempt in attempts):
        return "given up"
    return "sent, and nothing was heard of it yet" if attempts else "asked for, and not handed to any provider yet"

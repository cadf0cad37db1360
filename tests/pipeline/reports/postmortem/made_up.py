"""A small incident: carrier-a swallows everything in GB and US from 12:00:00 on, for two minutes."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from pipeline.errors import DeadReason, Outcome
from pipeline.records import (
    Attempt,
    Cause,
    DeadLetter,
    Incident,
    Order,
    OrderKind,
    Origin,
    OtpRequest,
    Phase,
    Receipt,
    ReceiptState,
    RouteState,
    RouteTable,
    Verdict,
    Verification,
)
from pipeline.reports.postmortem.facts import Facts, PastOrder
from tests.samples import ATTEMPT, a_route, a_table

ONSET: Final = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
LIFE: Final = timedelta(seconds=300)
NUMBER: Final = "+447700900123"
HASH: Final = "hash-of-the-number"


def at(seconds: float) -> datetime:
    """Give an instant, in seconds since the onset."""
    return ONSET + timedelta(seconds=seconds)


def attempt(request_id: str, number: int, provider: str, seconds: float, country: str = "GB") -> Attempt:
    return replace(
        ATTEMPT,
        request_id=request_id,
        number=number,
        provider=provider,
        country=country,
        number_hash=HASH,
        trigger="first" if number == 1 else "second_look",
        sent_at=at(seconds),
        message_id=f"{provider}-{request_id[-2:]}",
        duration_ms=80.0,
    )


def receipt(of: Attempt, after_s: float = 5.0, state: ReceiptState = ReceiptState.DELIVERED) -> Receipt:
    return Receipt(
        request_id=of.request_id,
        number=of.number,
        provider=of.provider,
        country=of.country,
        state=state,
        raw=state.lower(),
        message_id=of.message_id,
        sent_at=of.sent_at,
        received_at=of.sent_at + timedelta(seconds=after_s),
        config=of.config,
    )


def entry(request_id: str, seconds: float, verdict: Verdict = Verdict.VERIFIED) -> Verification:
    return Verification(request_id=request_id, caller="shop", verdict=verdict, at=at(seconds))


def name(turn: int) -> str:
    return f"request-00000000{turn:02}"


def _attempts() -> Iterator[Attempt]:
    """Ten codes before the onset and ten after it, every second one for the US; the last one finds its way at once."""
    for turn in range(20):
        country = ("GB", "US")[turn % 2]
        yield attempt(name(turn), 1, "carrier-b" if turn == 19 else "carrier-a", turn - 10, country)
        if 10 <= turn < 18:
            yield attempt(name(turn), 2, "carrier-b", turn, country)
    refused = attempt(name(20), 1, "carrier-a", 20)
    yield replace(refused, outcome=Outcome.UNAVAILABLE, code="503", message_id=None)


ATTEMPTS: Final = tuple(_attempts())
RECEIPTS: Final = (
    *(receipt(one) for one in ATTEMPTS if one.sent_at < ONSET and one.request_id != name(3)),
    *(receipt(one) for one in ATTEMPTS if one.provider == "carrier-b"),
    *(receipt(one, 8.0, ReceiptState.UNDELIVERABLE) for one in ATTEMPTS if one.request_id == name(18)),
)
ENTRIES: Final = (
    entry(name(3), -1.0),  # its receipt never came
    *(entry(name(turn), turn + 8.0) for turn in (10, 11, 12)),
    entry(name(13), 30.0, Verdict.REFUSED),
)
LETTER: Final = DeadLetter(
    reason=DeadReason.EXPIRED,
    detail="too little of the code's life is left to send",
    origin=Origin(topic="otp.requests", partition=0, offset=7),
    size=200,
    at=at(200),
    request_id=name(21),
    caller="shop",
    request=OtpRequest(
        request_id=name(21), caller="shop", to=NUMBER, purpose="login", issued_at=at(21), expires_at=at(321)
    ),
    number_hash=HASH,
    country="US",
    starts_at=at(21),
    deadline_at=at(321),
)

SUMMARY: Final = "carrier-a in GB and US delivers nothing since 12:00:00: 0 of 9 receipts due since then arrived"
OPENED: Final = Incident(
    incident_id="abcdefghijklmnopqrstuvwx",
    phase=Phase.OPENED,
    cause=Cause.ROUTE,
    provider="carrier-a",
    country="GB",
    onset_at=ONSET,
    opened_at=at(6),
    updated_at=at(6),
    summary="carrier-a in GB delivers nothing since 12:00:00: 0 of 4 receipts due since then arrived",
)
UPDATED: Final = replace(
    OPENED, phase=Phase.UPDATED, cause=Cause.PROVIDER, country=None, updated_at=at(8), summary=SUMMARY
)
CLOSED: Final = replace(
    UPDATED,
    phase=Phase.CLOSED,
    updated_at=at(240),
    closed_at=at(240),
    not_causes=("not the destination: GB is fine through carrier-b", "not the credential: carrier-a takes messages"),
    done=("carrier-a in GB is broken: 0 of 9 receipts due arrived; moved 98 % to carrier-b",),
    requested=12,
    swallowed=10,
    rescued=8,
)


def table(country: str, seconds: float, share: float, state: RouteState, why: str) -> RouteTable:
    routes = (a_route("carrier-a", share, state), a_route("carrier-b", 1 - share, leader=share < 0.5))
    return a_table(*routes, country=country, decided_at=at(seconds), changed_at=at(seconds), why=why)


TABLES: Final = (
    table("GB", -60, 0.98, RouteState.NORMAL, "GB: starts with 98 % carrier-a, 2 % carrier-b"),
    table("US", -60, 0.98, RouteState.NORMAL, "US: starts with 98 % carrier-a, 2 % carrier-b"),
    table("GB", 5, 0.02, RouteState.SUSPECT, "carrier-a in GB may be broken: 1 of 5 receipts due in the last 8 s"),
    table("US", 6, 0.02, RouteState.BROKEN, "carrier-a in US is broken: 0 of 5 receipts due in the last 8 s"),
    table("GB", 7, 0.02, RouteState.BROKEN, "carrier-a in GB is broken: 0 of 9 receipts due in the last 8 s"),
    table("GB", 150, 0.1, RouteState.RETURNING, "carrier-a in GB delivers again: 9 of 9 receipts due"),
    table("US", 151, 0.98, RouteState.NORMAL, "carrier-a in US is as usual: 9 of 9 receipts due"),
)
PIN: Final = Order(
    order_id="order-0000000000001",
    kind=OrderKind.PIN,
    provider="carrier-b",
    country="GB",
    reason="calls from customers, see the ticket",
    author="ann",
    at=at(30),
    expires_at=at(3600),
)
HOLD: Final = replace(
    PIN,
    order_id="order-0000000000002",
    kind=OrderKind.HOLD,
    provider=None,
    country="*",
    author="bob",
    at=at(40),
    expires_at=at(100),
)
LATER: Final = replace(PIN, order_id="order-0000000000003", at=at(5000), expires_at=at(6000))

FACTS: Final = Facts(
    incident=CLOSED,
    told=(OPENED, UPDATED, CLOSED),
    tables=TABLES,
    orders=(PastOrder(order=PIN, withdrawn_at=at(90)), PastOrder(order=HOLD), PastOrder(order=LATER)),
    attempts=ATTEMPTS,
    receipts=RECEIPTS,
    verifications=ENTRIES,
    dead=(LETTER,),
    life=LIFE,
    as_of=at(7200),
)
COUNTED: Final[Mapping[str, int]] = {
    "requested": 12,  # ten that left, one that was refused, one that died before
    "swallowed": 10,
    "rescued": 8,
    "undelivered": 3,
    "alive": 0,
    "entered": 3,
    "refused": 1,
}

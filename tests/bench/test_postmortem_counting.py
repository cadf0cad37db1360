"""One set of made-up events, told to the drills' checker by journals and to the postmortem by topics: same numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.drills.counting import Counted, codes, count, onset
from bench.drills.moves import Outage
from pipeline.errors import DeadReason
from pipeline.records import (
    Attempt,
    Cause,
    DeadLetter,
    Incident,
    Origin,
    OtpRequest,
    Phase,
    Receipt,
    ReceiptState,
    Verdict,
    Verification,
)
from pipeline.reports.figures import Arrived, Asked
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.impact import impact
from tests.samples import ATTEMPT
from workers.embedded.callers_journal import Entered

BEGAN = 1_800_000_000.0
BROKEN_AT = BEGAN + 2.0  # from then on carrier-a delivers nothing
LIFE_S = 300.0
ON_THE_WAY_S = 0.002  # from the dispatcher to the carrier
APART_S = 0.05  # codes are asked for so often
LATER_S = (10.0, 40.0, 310.0)  # second messages: after that all life is over


@dataclass(frozen=True)
class Message:
    carrier: str
    well: bool  # it arrives, unless carrier-a swallows it
    reported: bool  # by a receipt, if it arrives


@dataclass(frozen=True)
class Request:
    messages: tuple[Message, ...]  # none: it dies before one leaves
    typed: bool  # people enter what arrives first
    mistyped: bool  # once, before that
    quick: bool  # its message is quicker than its answer


@dataclass(frozen=True)
class Happened:
    """One message as it was."""

    carrier: str
    number: int
    sent_at: float
    delivered: bool
    reported: bool


MESSAGES = st.builds(Message, st.sampled_from("ab"), st.sampled_from([True, True, True, False]), st.booleans())
REQUESTS = st.builds(Request, st.lists(MESSAGES, max_size=4).map(tuple), st.booleans(), st.booleans(), st.booleans())


def happened(turn: int, request: Request) -> Iterator[Happened]:
    asked_at = BEGAN + turn * APART_S
    for place, message in enumerate(request.messages):
        sent_at = asked_at + (0.0, *LATER_S)[place]
        lost = message.carrier == "a" and sent_at + ON_THE_WAY_S >= BROKEN_AT
        # A healthy carrier-a loses nothing: what it lost before the fault nobody could tell from the fault itself.
        well = not lost and (message.well or message.carrier == "a")
        yield Happened(f"carrier-{message.carrier}", place + 1, sent_at, well, message.reported)


def entered_at(messages: Sequence[Happened], request: Request) -> float | None:
    """Give when people enter the code. One that came without a receipt is always entered: else no topic knows of it."""
    for one in messages:
        if one.delivered and one.sent_at < messages[0].sent_at + LIFE_S:
            return one.sent_at + 5.0 if request.typed or not one.reported else None
    return None


def instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def told_by_journals(requests: Sequence[Request]) -> Counted:
    asked, arrived, entered = [], [], []
    for turn, request in enumerate(requests):
        name, at = f"request-{turn:08}", BEGAN + turn * APART_S
        messages = list(happened(turn, request))
        answered_at = at + 0.004 if request.quick else at - 0.004
        asked.append(
            Asked(
                request_id=name,
                answer="accepted",
                answered_at=answered_at,
                expires_at=at + LIFE_S,
                number_hmac="gb",
            )
        )
        arrived += [
            Arrived(
                request_id=name,
                attempt=one.number,
                at=one.sent_at + ON_THE_WAY_S,
                code_hmac="c",
                number_hmac="gb",
                decision="delivered" if one.delivered else "dropped",
                carrier=one.carrier,
                delivered_at=one.sent_at + 1.0 if one.delivered else None,
            )
            for one in messages
        ]
        if (typed_at := entered_at(messages, request)) is not None:
            entered.append(Entered(request_id=name, verified=True, at=typed_at))
    broken = frozenset({"carrier-a"})
    outage = Outage(
        carriers=broken,
        countries=frozenset({"GB"}),
        onset_at=onset(arrived, broken, BROKEN_AT - 0.001),
        until=BEGAN + 1000,
    )
    return count(codes(asked, arrived, entered, {"gb": "GB"}), outage)


def attempt(name: str, one: Happened) -> Attempt:
    sent_at = instant(one.sent_at)
    return replace(ATTEMPT, request_id=name, number=one.number, provider=one.carrier, sent_at=sent_at)


def receipt(of: Attempt) -> Receipt:
    return Receipt(
        request_id=of.request_id,
        number=of.number,
        provider=of.provider,
        country=of.country,
        state=ReceiptState.DELIVERED,
        raw="delivered",
        sent_at=of.sent_at,
        received_at=of.sent_at + timedelta(seconds=4),
        config=of.config,
    )


def letter(name: str, at: float) -> DeadLetter:
    begins, ends = instant(at), instant(at + LIFE_S)
    return DeadLetter(
        reason=DeadReason.EXPIRED,
        detail="nobody took it",
        origin=Origin(topic="otp.requests", partition=0, offset=0),
        size=1,
        at=ends,
        request_id=name,
        request=OtpRequest(
            request_id=name, caller="shop", to="sealed", purpose="login", issued_at=begins, expires_at=ends
        ),
        country="GB",
    )


def entries(name: str, messages: Sequence[Happened], request: Request) -> Iterator[Verification]:
    typed_at = entered_at(messages, request)
    if typed_at is not None:
        if request.mistyped:
            yield Verification(request_id=name, caller="shop", verdict=Verdict.REFUSED, at=instant(typed_at - 1))
        yield Verification(request_id=name, caller="shop", verdict=Verdict.VERIFIED, at=instant(typed_at))


def told_by_topics(requests: Sequence[Request], told_s: int) -> Facts:
    onset_at = instant(int(BROKEN_AT) + told_s)
    attempts: list[Attempt] = []
    receipts: list[Receipt] = []
    verifications: list[Verification] = []
    dead: list[DeadLetter] = []
    for turn, request in enumerate(requests):
        name, messages = f"request-{turn:08}", list(happened(turn, request))
        sent = [attempt(name, one) for one in messages]
        attempts += sent
        receipts += [receipt(of) for of, one in zip(sent, messages, strict=True) if one.delivered and one.reported]
        verifications += entries(name, messages, request)
        dead += [] if messages else [letter(name, BEGAN + turn * APART_S)]
    return Facts(
        incident=Incident(
            incident_id="incident-0123456789",
            phase=Phase.OPENED,
            cause=Cause.PROVIDER,
            provider="carrier-a",
            onset_at=onset_at,
            opened_at=instant(BROKEN_AT + 6),
            updated_at=instant(BROKEN_AT + 6),
            summary="carrier-a delivers nothing",
        ),
        attempts=attempts,
        receipts=receipts,
        verifications=verifications,
        dead=dead,
        life=timedelta(seconds=LIFE_S),
        as_of=instant(BEGAN + 1000),
    )


@given(
    before=st.lists(REQUESTS, max_size=20),
    after=st.lists(REQUESTS, min_size=1, max_size=40),
    told_s=st.integers(-3, 1),
)
def test_topics_and_journals_come_to_the_same_numbers(before: list[Request], after: list[Request], told_s: int) -> None:
    calm = int((BROKEN_AT - BEGAN) / APART_S) - len(before)
    steady = Request((Message("b", well=True, reported=True),), typed=True, mistyped=False, quick=False)
    requests = [steady] * calm + before + after
    by_journals = told_by_journals(requests)
    assume(by_journals.swallowed)

    by_topics = impact(told_by_topics(requests, told_s)).total

    names = ("requested", "swallowed", "rescued", "undelivered")
    assert {name: getattr(by_topics, name) for name in names} == {name: getattr(by_journals, name) for name in names}

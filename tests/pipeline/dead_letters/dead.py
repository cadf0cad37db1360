"""Dead letters that tests begin with and change by `replace`."""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from pipeline.dead_letters.letters import Letter
from pipeline.errors import DeadReason, Outcome
from pipeline.message.phone import seal
from pipeline.records import Attempt, DeadLetter, Origin, OtpRequest
from pipeline.settings import Secret
from tests.samples import ATTEMPT, NOW, REQUEST_ID

LIFE: Final = timedelta(seconds=300)
SEALED: Final = seal("+447700900123", caller="shop", request_id=REQUEST_ID, kid="shop-1", key=Secret(b"s" * 32))
REQUEST: Final = OtpRequest(
    request_id=REQUEST_ID, caller="shop", to=SEALED, purpose="login", issued_at=NOW, expires_at=NOW + LIFE
)


def an_attempt(number: int, outcome: Outcome = Outcome.UNDELIVERABLE, **changes: Any) -> Attempt:
    attempt = replace(ATTEMPT, number=number, outcome=outcome, provider=f"carrier-{number}", number_hash="hash")
    return replace(attempt, **changes)


def a_dead_letter(**changes: Any) -> DeadLetter:
    """Give the letter of a request that two providers could not deliver, 5 s after it was issued."""
    dead = DeadLetter(
        reason=DeadReason.EXHAUSTED,
        detail="every attempt failed",
        origin=Origin(topic="otp.requests", partition=1, offset=2),
        size=300,
        at=NOW + timedelta(seconds=5),
        request_id=REQUEST_ID,
        caller="shop",
        request=REQUEST,
        number_hash="hash",
        country="GB",
        attempts=(an_attempt(1), an_attempt(2)),
        kid="k1",
        starts_at=NOW,
        deadline_at=NOW + LIFE,
        source="otp.requests/1/2",
    )
    return replace(dead, **changes)


def a_letter(offset: int = 7, **changes: Any) -> Letter:
    return Letter(dead=a_dead_letter(**changes), place=Origin(topic="otp.dead", partition=0, offset=offset))

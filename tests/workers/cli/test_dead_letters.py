"""What may be seen of a dead letter."""

import orjson
from msgspec import structs

from pipeline.errors import DeadReason
from pipeline.phone import seal
from pipeline.records import DeadLetter, Origin, OtpRequest
from pipeline.settings import Secret
from tests.samples import ATTEMPT, NOW, REQUEST_ID
from workers.cli.dead_letters import _public

SEALED = seal("+447700900123", caller="shop", request_id=REQUEST_ID, kid="shop-1", key=Secret(b"s" * 32))
REQUEST = OtpRequest(
    request_id=REQUEST_ID, caller="shop", to=SEALED, purpose="login", issued_at=NOW, expires_at=NOW, code=SEALED
)
LETTER = DeadLetter(
    reason=DeadReason.EXHAUSTED,
    detail="every attempt failed",
    origin=Origin(topic="otp.requests", partition=1, offset=2),
    size=300,
    at=NOW,
    request_id=REQUEST_ID,
    caller="shop",
    request=REQUEST,
    number_hash="hash-of-the-number",
    country="GB",
    attempts=(structs.replace(ATTEMPT, number_hash="hash-of-the-number"),),
)


def test_neither_a_sealed_value_nor_a_hash_of_the_number_is_shown() -> None:
    shown = orjson.dumps(_public(LETTER)).decode()
    assert [secret for secret in (SEALED, SEALED.split(".")[3], "hash-of-the-number") if secret in shown] == []


def test_reason_place_and_attempts_are_shown() -> None:
    shown = _public(LETTER)
    assert (shown["reason"], shown["origin"], shown["caller"]) == ("exhausted", structs.asdict(LETTER.origin), "shop")
    assert [(attempt["provider"], attempt["outcome"]) for attempt in shown["attempts"]] == [("carrier-a", "accepted")]


def test_everything_that_is_shown_is_a_field_of_the_record() -> None:
    assert _public(LETTER).keys() <= {*DeadLetter.__struct_fields__}

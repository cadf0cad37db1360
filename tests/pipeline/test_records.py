"""Every record on a topic, frozen; encode and decode."""

import json
from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import (
    MAX_RECORD_BYTES,
    Attempt,
    DeadLetter,
    Expired,
    LetterState,
    Origin,
    OtpRequest,
    Receipt,
    ReceiptState,
    Record,
    Resolution,
    Retry,
    Verdict,
    Verification,
    decode,
    encode,
    schema,
)
from tests.samples import ATTEMPT, NOW, REQUEST_ID

REQUEST = OtpRequest(
    request_id=REQUEST_ID,
    caller="shop",
    to="a.b.c.d.e",
    purpose="login",
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=300),
)
RECORDS: tuple[Record, ...] = (
    REQUEST,
    ATTEMPT,
    Retry(
        request=REQUEST,
        number_hash="hash",
        country="GB",
        kid="a",
        starts_at=NOW,
        deadline_at=NOW,
        attempts=(ATTEMPT, replace(ATTEMPT, number=2)),
    ),
    Receipt(
        request_id=REQUEST.request_id,
        number=1,
        provider="carrier-a",
        country="GB",
        state=ReceiptState.DELIVERED,
        raw="delivered",
        sent_at=NOW,
        received_at=NOW,
        config="config",
    ),
    Verification(request_id=REQUEST.request_id, caller="shop", verdict=Verdict.VERIFIED, at=NOW),
    DeadLetter(
        reason=DeadReason.EXPIRED,
        detail="late",
        origin=Origin(topic="otp.requests", partition=0, offset=1),
        size=10,
        at=NOW,
        request=REQUEST,
        attempts=(ATTEMPT,),
    ),
    Resolution(letter="otp.requests/0/1.1", died_at=NOW, state=LetterState.PURGED, author="ann", at=NOW),
    Expired(request_id=REQUEST_ID, caller="shop", purpose="login", expired_at=NOW, reason=DeadReason.NO_ROUTE),
)


def _document(**changes: object) -> bytes:
    return orjson.dumps({**orjson.loads(encode(REQUEST)), **changes})


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_comes_back_as_it_was_written(record: Record) -> None:
    assert decode(type(record), encode(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_fields_that_are_not_known_are_ignored(record: Record) -> None:
    newer = orjson.dumps({**orjson.loads(encode(record)), "colour": "green"})

    assert decode(type(record), newer) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_schema_is_made_from_the_record(record: Record) -> None:
    definition = schema(type(record))["$defs"][type(record).__name__]

    assert set(definition["properties"]) == set(record.__struct_fields__)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, DeadReason.UNDECODABLE),
        (b"", DeadReason.UNDECODABLE),
        (b"{", DeadReason.UNDECODABLE),
        (b"\xff\xfe", DeadReason.UNDECODABLE),
        (b"[]", DeadReason.UNDECODABLE),
        (b"null", DeadReason.UNDECODABLE),
        (b"[" * 60_000, DeadReason.UNDECODABLE),
        (b" " * (MAX_RECORD_BYTES + 1), DeadReason.OVERSIZED),
        (_document(v=2), DeadReason.UNKNOWN_VERSION),
        (_document(v="1"), DeadReason.UNKNOWN_VERSION),
        (_document(request_id="short"), DeadReason.INVALID_FIELD),
        (_document(request_id="request-0123456789\n"), DeadReason.INVALID_FIELD),
        (_document(request_id=None), DeadReason.INVALID_FIELD),
        (_document(caller="Shop!"), DeadReason.INVALID_FIELD),
        (_document(to=447700900123), DeadReason.INVALID_FIELD),
        (_document(to=""), DeadReason.INVALID_FIELD),
        (_document(purpose="log in"), DeadReason.INVALID_FIELD),
        (_document(locale="e" * 40), DeadReason.INVALID_FIELD),
        (_document(issued_at="2026-01-02T03:04:05"), DeadReason.INVALID_FIELD),  # no offset
        (_document(issued_at=1767323045), DeadReason.INVALID_FIELD),
        (_document(resend=-1), DeadReason.INVALID_FIELD),
    ],
)
def test_record_that_cannot_be_read_says_why(value: bytes | None, reason: DeadReason) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode(OtpRequest, value)

    assert caught.value.reason is reason


def test_field_is_named_and_its_content_is_not() -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode(OtpRequest, _document(purpose="+447700900123 123456"))

    assert "$.purpose" in caught.value.detail
    assert "7700900123" not in str(caught.value)
    assert caught.value.source == "shop"


def test_value_outside_a_closed_list_is_not_quoted() -> None:
    value = encode(ATTEMPT).replace(b'"accepted"', b'"+447700900123"')

    with pytest.raises(InvalidMessage) as caught:
        decode(Attempt, value)

    assert "7700900123" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_an_invalid_message(value: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode(OtpRequest, value)


@pytest.mark.parametrize("number", [0, -1, 1001, 2**64, 10**25, 1.5, "1", None])
def test_number_of_an_attempt_that_is_none_is_refused(number: object) -> None:
    fields = {**orjson.loads(encode(ATTEMPT)), "number": 7}
    value = orjson.dumps(fields).replace(b'"number":7', f'"number":{json.dumps(number)}'.encode())

    with pytest.raises(InvalidMessage) as raised:
        decode(Attempt, value)
    assert raised.value.reason is DeadReason.INVALID_FIELD


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(sorted(REQUEST.__struct_fields__)), json_values)
def test_any_value_in_any_field_is_a_record_or_an_invalid_message(name: str, value: object) -> None:
    try:
        document = orjson.dumps({**orjson.loads(encode(REQUEST)), name: value})
    except (orjson.JSONEncodeError, TypeError):
        return
    try:
        request = decode(OtpRequest, document)
    except InvalidMessage:
        return
    assert isinstance(request, OtpRequest)

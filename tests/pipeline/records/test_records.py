"""Every record on a topic, frozen; encode and decode."""

import json
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import (
    MAX_RECORD_BYTES,
    Attempt,
    DeadLetter,
    Expired,
    LetterState,
    Named,
    Origin,
    OtpRequest,
    Receipt,
    ReceiptState,
    Record,
    RefusedRequest,
    Resolution,
    Retry,
    Verdict,
    Verification,
    as_request_id,
    decode,
    encode,
    named,
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
    RefusedRequest(
        request_id=REQUEST_ID,
        reason=DeadReason.TOO_SOON,
        detail="soon",
        resend=1,
        origin=Origin(topic="otp.requests", partition=0, offset=1),
        at=NOW,
    ),
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
        (_document(locale="en" + "-aaaaaaaa" * 4), DeadReason.INVALID_FIELD),  # well made, and 38 characters long
        (_document(issued_at="2026-01-02T03:04:05"), DeadReason.INVALID_FIELD),  # no offset
        (_document(issued_at="2026-01-02T03:04"), DeadReason.INVALID_FIELD),
        (_document(issued_at="2026-01-02T03:04:05[Europe/Paris]"), DeadReason.INVALID_FIELD),
        (_document(issued_at="2026-01-02T03:04:60Z"), DeadReason.INVALID_FIELD),
        (_document(issued_at="2026-02-30T03:04:05Z"), DeadReason.INVALID_FIELD),
        (_document(issued_at=1767323), DeadReason.INVALID_FIELD),  # neither seconds nor milliseconds of our time
        (_document(issued_at=True), DeadReason.INVALID_FIELD),
        (_document(resend="first"), DeadReason.INVALID_FIELD),
        (_document(resend="1001"), DeadReason.INVALID_FIELD),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, None) for name in ("v", "locale", "code", "resend")],  # what serializers write for "not set"
        ("resend", "0"),
    ],
)
def test_what_is_not_set_and_a_number_in_quotes_are_read_as_they_are_meant(name: str, value: object) -> None:
    assert decode(OtpRequest, _document(**{name: value})) == REQUEST


REPORT = Verification(request_id=REQUEST_ID, caller="shop", verdict=Verdict.VERIFIED, at=NOW)


def test_report_whose_optional_fields_are_null_is_read() -> None:
    nothing = {field.name: None for field in fields(Verification) if not field.required}

    assert decode(Verification, orjson.dumps(orjson.loads(encode(REPORT)) | nothing)) == REPORT


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-02T03:04Z", "2026-01-02T03:04:00+00:00"),  # Java's OffsetDateTime.toString() at a full minute
        ("2026-01-02T03:04+01:00", "2026-01-02T03:04:00+01:00"),
        ("2026-01-02T04:04:05.678901+01:00[Europe/Paris]", "2026-01-02T04:04:05.678901+01:00"),  # ZonedDateTime
        ("2026-01-02T03:04:05.678901000Z", "2026-01-02T03:04:05.678901+00:00"),  # nanoseconds
        ("2026-01-02T03:04:05+0000", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05+00", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02 03:04:05.678901 +0000", "2026-01-02T03:04:05.678901+00:00"),
        ("2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05,678Z", "2026-01-02T03:04:05.678000+00:00"),
        (1767323045, "2026-01-02T03:04:05+00:00"),  # seconds
        (1767323045.678, "2026-01-02T03:04:05.678000+00:00"),  # Jackson's java.time.Instant
        (1767323045678, "2026-01-02T03:04:05.678000+00:00"),  # milliseconds
    ],
)
@pytest.mark.parametrize(("record", "name"), [(REQUEST, "issued_at"), (REPORT, "at")])
def test_instant_is_read_as_other_languages_write_it(record: Record, name: str, written: object, meant: str) -> None:
    value = orjson.dumps({**orjson.loads(encode(record)), name: written})

    assert getattr(decode(type(record), value), name) == datetime.fromisoformat(meant)


@given(st.datetimes(datetime(2002, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - as it wants them
def test_milliseconds_since_1970_are_the_instant(at: datetime) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert decode(OtpRequest, _document(issued_at=milliseconds)).issued_at == at


@pytest.mark.parametrize("written", ["2026-01-02T03:04:05", "2026-01-02T03:04", "2026-01-02 03:04:05.678"])
def test_instant_without_an_offset_is_refused_with_its_name(written: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode(OtpRequest, _document(expires_at=written))

    assert caught.value.detail == "Expected an offset from UTC: Z, or one such as +01:00 at $.expires_at"


def test_what_our_own_programs_write_is_read_as_the_schema_says() -> None:
    with pytest.raises(InvalidMessage):
        decode(Attempt, orjson.dumps({**orjson.loads(encode(ATTEMPT)), "sent_at": 1767323045}))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (_document(purpose=None), Named(request_id=REQUEST_ID, caller="shop")),
        (_document(v=2), Named(request_id=REQUEST_ID, caller="shop")),
        (_document(caller="Shop!"), Named(request_id=REQUEST_ID)),
        (_document(caller="447700900123"), Named(request_id=REQUEST_ID)),  # a number, put into the wrong field
        (_document(request_id="short"), Named(caller="shop")),
        (_document(request_id=7, caller=[]), Named()),
        (b'{"request": 1}', Named()),
        (b"[]", Named()),
        (b"{", Named()),
        (b" " * (MAX_RECORD_BYTES + 1), Named()),
        (None, Named()),
    ],
)
def test_record_that_cannot_be_read_is_named_as_far_as_it_says(value: bytes | None, name: Named) -> None:
    assert named(value) == name


@pytest.mark.parametrize(
    ("key", "request_id"),
    [(REQUEST_ID.encode(), REQUEST_ID), (b"+447700900123", None), (b"short", None), (b"\xff" * 20, None), (None, None)],
)
def test_key_is_a_request_id_where_it_looks_like_one(key: bytes | None, request_id: str | None) -> None:
    assert as_request_id(key) == request_id


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

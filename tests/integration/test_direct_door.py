"""The direct door, proved from outside: librdkafka and another JWE library, and nothing of ours, ask for codes."""

import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from confluent_kafka import Producer
from joserfc import jwe
from joserfc.jwk import OctKey

from pipeline.records import OtpRequest, schema
from tests.integration.dispatching import Behind, behind
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey

NUMBER = "+447700900123"
# A development key is the SHA-256 of its word: what the owner of a real one would have in a file.
KEY = hashlib.sha256(b"ithaca development key: seal-demo").digest()
BANKS_KEY = hashlib.sha256(b"ithaca development key: bank").digest()
REGISTRY = jwe.JWERegistry(strict_check_header=False)  # `caller` and `rid` are names of ours
Record = dict[str, Any]


@pytest.fixture
async def hasty(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    """Give a door where another message may be asked for at once."""
    async with behind(kafka, valkey, prefix, tmp_path, ITHACA_OTP__RESEND_AFTER_S="0") as door:
        yield door


@pytest.fixture
async def door(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path) -> AsyncIterator[Behind]:
    async with behind(kafka, valkey, prefix, tmp_path) as door:
        yield door


def sealed(text: str, request_id: str, *, caller: str = "demo", kid: str = "demo-1", key: bytes = KEY) -> str:
    header = {"alg": "dir", "enc": "A256GCM", "kid": kid, "caller": caller, "rid": request_id}
    return jwe.encrypt_compact(header, text.encode(), OctKey.import_key(key), registry=REGISTRY)


def a_request(**changes: Any) -> Record:
    request_id = secrets.token_urlsafe(16)
    now = datetime.now(UTC)
    return {
        "v": 1,
        "request_id": request_id,
        "caller": "demo",
        "to": sealed(NUMBER, request_id),
        "purpose": f"login-{request_id}",
        "locale": "en",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(seconds=300)).isoformat(),
        **changes,
    }


def report(request: Record, **changes: Any) -> Record:
    """Make the least that says that the code of a request was entered."""
    names = ("request_id", "caller")
    entered = {"verdict": "verified", "at": datetime.now(UTC).isoformat()}
    return {name: request[name] for name in names} | entered | changes


def produce(door: Behind, *requests: Record, to: str = "otp.requests") -> None:
    """Produce as the README says, and return when all in-sync replicas have the records."""
    where = {"bootstrap.servers": door.settings.kafka.bootstrap, "acks": "all", "enable.idempotence": True}
    producer = Producer(where)
    for request in requests:
        topic = door.settings.kafka.prefix + to
        producer.produce(topic, json.dumps(request).encode(), key=str(request["request_id"]))
    assert producer.flush(30.0) == 0


def moved() -> Record:
    """Make a request with a number that was sealed for another one."""
    return a_request(to=sealed(NUMBER, secrets.token_urlsafe(16)))


def tampered(part: int) -> Record:
    """Make a request with one letter changed in the header (0), nonce (2), text (3) or tag (4) of the number."""
    request = a_request()
    parts = request["to"].split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    return request | {"to": ".".join(parts)}


def with_key_of(kid: str, key: bytes, caller: str = "demo") -> Record:
    request = a_request()
    return request | {"to": sealed(NUMBER, request["request_id"], caller=caller, kid=kid, key=key)}


async def test_code_that_another_client_asks_for_arrives_at_the_handset(door: Behind) -> None:
    request = a_request()
    produce(door, request)

    (delivery,) = await door.arrived(1)

    assert delivery["to"] == NUMBER
    assert re.fullmatch(r"(\d{6}) is your Ithaca demo code\. Never share it\.\n\n@example\.com #\1", delivery["text"])
    assert delivery["client_reference"] == f"{request['request_id']}.1"


async def test_code_of_the_callers_own_is_the_one_that_arrives(door: Behind) -> None:
    request = a_request()
    produce(door, request | {"code": sealed("739 204", request["request_id"])})

    (delivery,) = await door.arrived(1)

    assert delivery["text"].startswith("739 204 is your")


async def test_number_that_is_not_this_callers_for_this_request_is_a_dead_letter_and_nothing_is_sent(
    door: Behind,
) -> None:
    bad = {
        "tampered header": tampered(0),
        "tampered nonce": tampered(2),
        "tampered text": tampered(3),
        "tampered tag": tampered(4),
        "moved from another request": moved(),
        "another caller's kid and key": with_key_of("bank-1", BANKS_KEY),
        "another caller's seal, whole": with_key_of("bank-1", BANKS_KEY, caller="bank"),
        "own kid, another's key": with_key_of("demo-1", BANKS_KEY),
        "own key, another caller's name": with_key_of("demo-1", KEY, caller="bank"),
        "unknown kid": with_key_of("demo-2", KEY),
    }
    good = a_request()
    produce(door, *bad.values(), good)

    dead = {letter.request_id: letter for letter in await door.dead(len(bad))}

    reasons = {name: dead[request["request_id"]].reason for name, request in bad.items()}
    assert reasons == dict.fromkeys(bad, "seal_broken")
    assert len(await door.arrived(1)) == 1
    assert await door.handed_over(1) == [good["request_id"]]


async def test_record_that_breaks_the_contract_is_a_dead_letter_with_its_reason_and_nothing_is_sent(
    door: Behind,
) -> None:
    no_number, own = a_request(), a_request()
    late = datetime.now(UTC) + timedelta(seconds=601)
    bad = {
        "plain_number": a_request(to=NUMBER),
        "unknown_caller": a_request(caller="nobody"),
        "unknown_version": a_request(v=2),
        "invalid_number": no_number | {"to": sealed("call me", no_number["request_id"])},
        "invalid_field": a_request(expires_at=late.isoformat()),
        "seal_broken": own | {"code": sealed("739204", "another-request-id")},
    }
    good = a_request(colour="green")  # a field that nobody knows
    produce(door, *bad.values(), good)

    dead = await door.dead(len(bad))

    assert {letter.reason for letter in dead} == set(bad)
    assert len(await door.arrived(1)) == 1
    assert await door.handed_over(1) == [good["request_id"]]


async def test_records_as_other_languages_write_them_arrive(door: Behind) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    times = [minute, minute + timedelta(minutes=10)]
    written: dict[str, list[Any]] = {
        "OffsetDateTime at a full minute": [time.strftime("%Y-%m-%dT%H:%MZ") for time in times],
        "ZonedDateTime": [time.strftime("%Y-%m-%dT%H:%M:%S.000000001Z[Etc/UTC]") for time in times],
        "offset without a colon": [time.strftime("%Y-%m-%d %H:%M:%S +0000") for time in times],
        "milliseconds": [int(time.timestamp()) * 1000 for time in times],
        "seconds": [int(time.timestamp()) for time in times],
    }
    nothing = {"locale": None, "code": None, "resend": None, "v": None}
    requests = [a_request(issued_at=begin, expires_at=end, **nothing) for begin, end in written.values()]
    produce(door, *requests)

    await door.arrived(len(requests))

    assert sorted(await door.handed_over(len(requests))) == sorted(one["request_id"] for one in requests)


async def test_resend_with_times_of_its_own_brings_the_same_code(hasty: Behind) -> None:
    request = a_request()
    produce(hasty, request)
    await hasty.attempts(1)
    later = datetime.now(UTC) + timedelta(seconds=1)
    times = {"issued_at": later.isoformat(), "expires_at": (later + timedelta(seconds=200)).isoformat()}
    produce(hasty, request | times | {"resend": 1, "to": sealed(NUMBER, request["request_id"])})

    first, second = await hasty.arrived(2)

    assert first["text"] == second["text"]
    assert first["carrier"] != second["carrier"]


async def test_resend_for_another_number_or_code_is_told_and_not_sent(hasty: Behind) -> None:
    request = a_request()
    name = request["request_id"]
    produce(hasty, request)
    await hasty.attempts(1)
    produce(hasty, request | {"resend": 1, "to": sealed("+447700900124", name)})
    produce(hasty, request | {"resend": 2, "code": sealed("739204", name)})

    told = await hasty.refused(2)

    assert [(one["request_id"], one["caller"], one["reason"], one["resend"]) for one in told] == [
        (name, "demo", "conflict", 1),
        (name, "demo", "conflict", 2),
    ]
    assert [one["detail"].split()[0] for one in told] == ["`to`", "`code`"]
    assert await hasty.handed_over(1) == [name]


@pytest.mark.parametrize(("gap_s", "reason", "sent"), [("30", "too_soon", 1), ("0", "too_many", 5)])
async def test_loop_of_resends_is_no_flood_of_messages(
    kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, tmp_path: Path, gap_s: str, reason: str, sent: int
) -> None:
    async with behind(kafka, valkey, prefix, tmp_path, ITHACA_OTP__RESEND_AFTER_S=gap_s) as door:
        request = a_request()
        produce(door, request)
        await door.attempts(1)
        produce(door, *(request | {"resend": number} for number in range(1, 31)))

        told = await door.refused(30 - (sent - 1))

        said = {(one["request_id"], one["caller"], one["reason"]) for one in told}
        assert said == {(request["request_id"], "demo", reason)}
        assert len(await door.handed_over(sent)) == sent


async def test_own_code_that_looks_like_none_is_told_and_not_sent(door: Behind) -> None:
    codes = [
        "",
        " ",
        "12345",
        "7" * 70,
        "https://evil.example/login?x=1",
        "call +44 900 now",
        "739204\r\nsee evil",
        "é€1234",
    ]
    bad = [a_request() for _ in codes]
    produce(door, *(one | {"code": sealed(code, one["request_id"])} for one, code in zip(bad, codes, strict=True)))
    good = a_request()
    produce(door, good)

    told = await door.refused(len(codes))

    assert [(one["request_id"], one["reason"]) for one in told] == [(one["request_id"], "invalid_code") for one in bad]
    assert await door.handed_over(1) == [good["request_id"]]


async def test_own_code_that_is_reported_as_entered_is_not_sent_again(hasty: Behind) -> None:
    request, derived = a_request(), a_request()
    request["code"] = sealed("739 204", request["request_id"])
    produce(hasty, request, derived)
    await hasty.attempts(2)
    produce(hasty, report(request, caller="bank"), report(derived), report(request), to="otp.verifications")
    await hasty.over(request["request_id"])
    produce(hasty, request | {"resend": 1}, derived | {"resend": 1})

    await hasty.arrived(3)

    names = await hasty.handed_over(3)
    assert sorted(names) == sorted([request["request_id"], derived["request_id"], derived["request_id"]])


async def test_caller_sees_its_mistakes_by_request_caller_and_field(door: Behind) -> None:
    now = datetime.now(UTC)
    no_purpose = a_request()
    del no_purpose["purpose"]
    mistakes = {
        "field `purpose`": no_purpose,
        "an offset from UTC": a_request(issued_at=now.replace(tzinfo=None).isoformat()),
        "at $.locale": a_request(locale="English"[:1]),
        "at $.resend": a_request(resend="twice"),
        "`to`: the seal's `kid`": with_key_of("demo-2", KEY),
        "`to`: the seal is another request's": moved(),
        "`to`: the seal is another caller's": with_key_of("demo-1", KEY, caller="bank"),
        "does not open it": with_key_of("demo-1", BANKS_KEY),
    }
    produce(door, *mistakes.values())

    told = {one["request_id"]: one for one in await door.refused(len(mistakes))}

    for said, request in mistakes.items():
        one = told[request["request_id"]]
        assert said in one["detail"]
        assert one["caller"] == "demo"
        assert one["origin"]["topic"] == "otp.requests"
    dead = {letter.request_id: letter.caller for letter in await door.dead(len(mistakes))}
    assert dead == {request["request_id"]: "demo" for request in mistakes.values()}


async def test_record_that_nothing_can_be_read_of_is_told_by_its_key(door: Behind) -> None:
    key = secrets.token_urlsafe(16)
    producer = Producer({"bootstrap.servers": door.settings.kafka.bootstrap, "acks": "all"})
    producer.produce(door.settings.kafka.prefix + "otp.requests", b"{not json", key=key)
    assert producer.flush(30.0) == 0

    (told,) = await door.refused(1)

    assert (told["request_id"], told["caller"], told["reason"]) == (key, None, "undecodable")


def test_records_of_another_client_are_valid_by_the_schema() -> None:
    valid = jsonschema_rs.validator_for(schema(OtpRequest), validate_formats=True)
    request = a_request()
    assert valid.is_valid(request)
    assert valid.is_valid(request | {"code": sealed("739204", request["request_id"])})
    assert not valid.is_valid({name: value for name, value in request.items() if name != "to"})
    assert not valid.is_valid(request | {"request_id": "short"})
    assert not valid.is_valid(request | {"expires_at": "tomorrow"})

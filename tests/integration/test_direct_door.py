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


def produce(door: Behind, *requests: Record) -> None:
    """Produce as the README says, and return when all in-sync replicas have the records."""
    where = {"bootstrap.servers": door.settings.kafka.bootstrap, "acks": "all", "enable.idempotence": True}
    producer = Producer(where)
    for request in requests:
        topic = door.settings.kafka.prefix + "otp.requests"
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


def test_records_of_another_client_are_valid_by_the_schema() -> None:
    valid = jsonschema_rs.validator_for(schema(OtpRequest), validate_formats=True)
    request = a_request()
    assert valid.is_valid(request)
    assert valid.is_valid(request | {"code": sealed("739204", request["request_id"])})
    assert not valid.is_valid({name: value for name, value in request.items() if name != "to"})
    assert not valid.is_valid(request | {"request_id": "short"})
    assert not valid.is_valid(request | {"expires_at": "tomorrow"})

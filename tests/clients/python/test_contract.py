"""The client says once more what the server says of itself: here is the proof that it is the same."""

import ast
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson
import pytest

import ithaca_otp
from ithaca_otp import answers
from ithaca_otp.direct import Expired, RefusedRequest, Request, client, notices, requests
from ithaca_otp.direct.seal import KEY_BYTES, Sealer
from ithaca_otp.errors import ProblemType
from pipeline.errors import InvalidMessage
from pipeline.message import codes
from pipeline.message.phone import is_sealed, unseal
from pipeline.records import OtpRequest, Verdict, Verification, asyncapi, decode
from pipeline.records.asyncapi import RECEIVED, SENT
from pipeline.settings import Secret
from workers.api import examples, openapi
from workers.web import problems

ROOT: Final = Path(__file__).parents[3]
SOURCES: Final = sorted((ROOT / "clients" / "python" / "src").rglob("*.py"))
SERVER: Final = {"pipeline", "providers", "workers", "bench", "tests"}
KEY: Final = bytes(range(KEY_BYTES))
KEYS: Final = {"shop-1": Secret(KEY)}
SEALER: Final = Sealer(caller="shop", kid="shop-1", key=KEY)
NUMBER: Final = "+447700900123"
ASYNCAPI: Final = orjson.loads((ROOT / "docs" / "reference" / "asyncapi.json").read_bytes())
OPENAPI: Final = openapi.document()
SCHEMAS: Final = OPENAPI["components"]["schemas"]


def a_request(code: str | None = "739 204") -> Request:
    return requests.request(
        SEALER,
        request_id=requests.new_id(),
        caller="shop",
        to=NUMBER,
        purpose="login",
        locale="pt-BR",
        ttl_s=600,
        code=code,
        issued_at=datetime.now(UTC),
    )


def is_valid(name: str, record: bytes) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": ASYNCAPI["components"]}
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(orjson.loads(record))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from [node.module or ""] if isinstance(node, ast.ImportFrom) else names


def test_client_imports_nothing_of_the_servers() -> None:
    assert SOURCES
    assert [path.name for path in SOURCES if {name.split(".")[0] for name in imported(path)} & SERVER] == []


def test_every_public_name_is_there() -> None:
    assert [name for name in ithaca_otp.__all__ if not hasattr(ithaca_otp, name)] == []


def test_request_of_the_client_is_one_to_the_server_field_by_field() -> None:
    made = a_request()

    read = decode(OtpRequest, made.to_json())

    assert {name: getattr(read, name) for name in OtpRequest.__struct_fields__} == dataclasses.asdict(made) | {"v": 1}
    assert {field.name for field in dataclasses.fields(Request)} | {"v"} == set(OtpRequest.__struct_fields__)


def test_number_and_code_that_the_client_sealed_open_at_the_server() -> None:
    made = a_request()

    for sealed, text in ((made.to, NUMBER), (made.code, "739 204")):
        assert sealed
        assert is_sealed(sealed)
        assert unseal(sealed, caller="shop", request_id=made.request_id, keys=KEYS) == text


def test_what_the_client_writes_is_valid_by_the_asyncapi_document() -> None:
    made = a_request()

    assert is_valid("OtpRequest", made.to_json())
    assert is_valid("OtpRequest", dataclasses.replace(a_request(None), resend=requests.MOST_RESENDS).to_json())
    assert is_valid("Verification", requests.report(made, datetime.now(UTC)))


def test_report_of_the_client_is_one_to_the_server() -> None:
    made, at = a_request(), datetime.now(UTC)

    read = decode(Verification, requests.report(made, at))

    assert (read.request_id, read.caller, read.verdict, read.at) == (made.request_id, "shop", Verdict.VERIFIED, at)


def test_patterns_and_limits_are_those_of_the_asyncapi_document() -> None:
    fields = ASYNCAPI["components"]["schemas"]["OtpRequest"]["properties"]

    assert {name: pattern for name, (pattern, _) in requests.PATTERNS.items()} == {
        name: schema["pattern"] for name, schema in fields.items() if "pattern" in schema
    }
    assert fields["locale"]["maxLength"] == requests.LONGEST_LOCALE
    assert fields["resend"]["maximum"] == requests.MOST_RESENDS
    assert SCHEMAS["NewOtp"]["properties"]["ttl_s"]["maximum"] == requests.LONGEST_LIFE_S


@pytest.mark.parametrize("code", ["739204", "7-3 92-04", "G-739204", "12345", "x" * 6, "1" * 11, "1  23456", "é12345"])
def test_own_code_is_one_to_the_client_when_it_is_one_to_the_server(code: str) -> None:
    try:
        codes.check_own(code)
        taken = True
    except InvalidMessage:
        taken = False
    assert requests.is_code(code) is taken


def test_topics_and_groups_are_those_of_the_asyncapi_document() -> None:
    assert [topic.name for topic in SENT] == [client.REQUESTS, client.VERIFICATIONS]
    assert {notices.EXPIRED, notices.REFUSED} == {topic.name for topic in RECEIVED}
    assert notices.GROUPS == asyncapi.GROUPS


@pytest.mark.parametrize(
    ("name", "read", "kind"),
    [("RefusedRequest", notices.refused, RefusedRequest), ("Expired", notices.expired, Expired)],
)
def test_what_is_told_to_callers_is_read_as_the_asyncapi_document_says(name: str, read: Any, kind: type) -> None:
    for example in ASYNCAPI["components"]["messages"][name]["examples"]:
        told = read(example["payload"])
        assert isinstance(told, kind)
        for field in dataclasses.fields(kind):
            value = getattr(told, field.name)
            said = example["payload"][field.name]
            assert value == (datetime.fromisoformat(said) if isinstance(value, datetime) else said)


def test_answers_are_read_as_the_openapi_document_says() -> None:
    for kind in (answers.Accepted, answers.Timeline):
        schema = SCHEMAS["AcceptedOtp" if kind is answers.Accepted else "Timeline"]
        assert {field.name for field in dataclasses.fields(kind)} == set(schema["properties"])
    assert {field.name for field in dataclasses.fields(answers.Attempt)} == set(
        SCHEMAS["TimelineAttempt"]["properties"]
    )
    for name, status, read in (
        ("AcceptedOtp", 202, answers.accepted),
        ("Checked", 200, answers.verified),
        ("Timeline", 200, answers.timeline),
    ):
        body = orjson.dumps(examples.BODIES[name])
        assert read(answers.Answer(status=status, kind="application/json", retry_after_s=None, body=body))


def test_words_are_those_of_the_openapi_document() -> None:
    assert {one.name: one.value for one in ProblemType} == {one.name: one.value for one in problems.ProblemType}
    assert {state.value for state in answers.State} == set(SCHEMAS["OtpState"]["enum"])

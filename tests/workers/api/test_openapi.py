"""The description of the HTTP door, as generators of clients read it."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from workers.api.openapi import document
from workers.web.problems import ProblemType

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for method, operation in path.items()
    if method in {"get", "post"}
}


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _parts(inner)


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from place.get("content", {}).values()


def test_patterns_have_no_look_ahead_which_re2_does_not_know() -> None:
    patterns = [part["pattern"] for part in _parts(DOCUMENT) if isinstance(part.get("pattern"), str)]

    assert len(patterns) >= 4
    assert not [pattern for pattern in patterns if "(?" in pattern]


def test_no_field_that_may_be_left_out_has_a_default_which_would_make_it_obligatory() -> None:
    fields = SCHEMAS["NewOtp"]["properties"]

    assert SCHEMAS["NewOtp"]["required"] == ["to", "purpose"]
    assert not [name for name, schema in fields.items() if "default" in schema]
    assert "`en` where it is left out" in fields["locale"]["description"]


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_server() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}

    assert OPERATIONS.keys() == {
        *("requestCode", "resendCode", "verifyCode", "getRequest"),
        *("getHealth", "getReadiness", "getMetrics", "getDescription"),
    }
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == tags
    assert DOCUMENT["servers"] == [{"url": "/", "description": "where this document is"}]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_body_has_examples_that_fit_its_schema(name: str) -> None:
    contents = list(_contents(OPERATIONS[name]))

    assert contents
    for content in contents:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        given = [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
        assert given
        for example in given:
            jsonschema_rs.validator_for(schema).validate(example)


def test_no_two_values_of_enums_have_one_name() -> None:
    names = [name for schema in SCHEMAS.values() for name in schema.get("x-enum-varnames", ())]

    assert {"OtpStateExpired", "ReceiptStateExpired", "OutcomeRejected", "OutcomeNotSent", "ProblemTypeTooSoon"} <= set(
        names
    )
    assert len(names) == len(set(names))
    assert all(len(one["enum"]) == len(one["x-enum-varnames"]) for one in SCHEMAS.values() if "enum" in one)


def test_too_soon_out_of_attempts_and_superseded_are_told_apart_by_type() -> None:
    responses = OPERATIONS["resendCode"]["responses"]
    told = {
        example["value"]["type"]
        for code in ("409", "410")
        for example in responses[code]["content"]["application/problem+json"]["examples"].values()
    }

    assert told == {
        *(ProblemType.TOO_SOON, ProblemType.SUPERSEDED, ProblemType.OUT_OF_ATTEMPTS),
        *(ProblemType.VERIFIED, ProblemType.TOO_LATE),
    }
    assert set(SCHEMAS["ProblemType"]["enum"]) == set(ProblemType)
    assert all(kind in responses["410"]["description"] for kind in told - {ProblemType.TOO_SOON})


def test_descriptions_are_not_indented_as_the_source_is() -> None:
    assert not [part for part in _parts(SCHEMAS) if "\n " in str(part.get("description", ""))]


def test_the_404_says_that_a_request_is_unknown_until_it_is_processed() -> None:
    assert "after the 202" in OPERATIONS["getRequest"]["responses"]["404"]["description"]

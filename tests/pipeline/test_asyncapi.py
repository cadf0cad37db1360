"""The AsyncAPI document: complete, consistent in itself, and the one in docs/."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from pipeline.asyncapi import document
from pipeline.phone import unseal
from pipeline.settings.parse import parse
from pipeline.topics import TOPICS

COMMITTED = Path(__file__).parents[2] / "docs" / "asyncapi.json"
AGAIN = ".venv/bin/ithaca topics --asyncapi docs/asyncapi.json"
DOCUMENT = orjson.loads(orjson.dumps(document()))
EXAMPLES = [
    (name, example["payload"])
    for name, message in DOCUMENT["components"]["messages"].items()
    for example in message.get("examples", ())
]


def values(node: Any, key: str) -> Iterator[Any]:
    """Give every value of a key, however deep."""
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == key)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from values(child, key)


def resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_committed_document_is_the_one_that_follows_from_topics_and_records() -> None:
    assert orjson.loads(COMMITTED.read_bytes()) == DOCUMENT, f"write it again: {AGAIN}"


def test_every_topic_is_a_channel_with_its_record_and_one_operation() -> None:
    assert {name: list(channel["messages"]) for name, channel in DOCUMENT["channels"].items()} == {
        topic.name: [topic.record.__name__] for topic in TOPICS
    }
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{topic.name}" for topic in TOPICS
    }


def test_auth_services_send_requests_and_verifications_and_receive_the_rest() -> None:
    sends = [name for name, operation in DOCUMENT["operations"].items() if operation["action"] == "send"]
    assert sends == ["send-otp.requests", "send-otp.verifications"]


def test_every_reference_leads_somewhere() -> None:
    assert all(resolve(reference) for reference in values(DOCUMENT, "$ref"))


def test_no_pattern_needs_more_than_any_languages_regular_expressions() -> None:
    patterns = [pattern for pattern in values(DOCUMENT, "pattern") if isinstance(pattern, str)]
    assert patterns
    assert [pattern for pattern in patterns if "(?" in pattern] == []


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_example_is_valid_and_another_version_of_it_is_not(name: str, payload: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    valid = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert valid.is_valid(payload)
    assert not valid.is_valid(payload | {"v": 2})


def test_number_in_the_example_opens_with_the_key_that_the_document_names() -> None:
    request = dict(EXAMPLES)["OtpRequest"]
    keys = parse().callers["demo"].seal_keys
    assert unseal(request["to"], caller="demo", request_id=request["request_id"], keys=keys) == "+447700900123"

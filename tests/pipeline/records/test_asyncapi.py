"""The AsyncAPI document: complete, consistent in itself, and the one in docs/."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from pipeline.errors import DeadReason
from pipeline.message.phone import unseal
from pipeline.records.asyncapi import GROUPS, OF_CALLERS, RECEIVED, SENT, document
from pipeline.settings.parse import parse

PROJECT = Path(__file__).parents[3]
COMMITTED = PROJECT / "docs" / "reference" / "asyncapi.json"
PAGE = PROJECT / "docs" / "how-to" / "direct-door.md"
ACLS = PROJECT / "compose" / "kafka" / "acls.txt"
AGAIN = ".venv/bin/ithaca topics --asyncapi docs/reference/asyncapi.json"
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


def is_valid(name: str, payload: dict[str, Any]) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(payload)


def test_committed_document_is_the_one_that_follows_from_topics_and_records() -> None:
    assert orjson.loads(COMMITTED.read_bytes()) == DOCUMENT, f"write it again: {AGAIN}"


def test_every_topic_of_callers_is_a_channel_with_its_record_one_operation_and_an_example() -> None:
    assert {name: list(channel["messages"]) for name, channel in DOCUMENT["channels"].items()} == {
        topic.name: [topic.record.__name__] for topic in OF_CALLERS
    }
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{topic.name}" for topic in OF_CALLERS
    }
    assert {name for name, _ in EXAMPLES} == {topic.record.__name__ for topic in OF_CALLERS}


def test_auth_services_may_do_what_the_document_says_and_nothing_else() -> None:
    rules = [line.split(None, 3) for line in ACLS.read_text().splitlines() if line.startswith("caller ")]
    allowed = {(operation, kind): names.split() for _, operation, kind, names in rules}

    assert allowed == {
        ("Write", "topic"): [topic.name for topic in SENT],
        ("Read", "topic"): [topic.name for topic in RECEIVED],
        ("Read", "group"): [f"{GROUPS}*"],
    }
    assert list(DOCUMENT["operations"]) == [
        *(f"send-{topic.name}" for topic in SENT),
        *(f"receive-{topic.name}" for topic in RECEIVED),
    ]


def test_page_of_the_direct_door_has_every_reason_and_its_examples_are_records() -> None:
    page = PAGE.read_text()
    examples = [orjson.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]

    assert [reason for reason in DeadReason if f"| `{reason}` |" not in page] == []
    assert len(examples) >= len(OF_CALLERS)
    for example in examples:
        assert [topic for topic in OF_CALLERS if is_valid(topic.record.__name__, example)], example


def test_every_reference_leads_somewhere() -> None:
    assert all(resolve(reference) for reference in values(DOCUMENT, "$ref"))


def test_no_pattern_needs_more_than_any_languages_regular_expressions() -> None:
    patterns = [pattern for pattern in values(DOCUMENT, "pattern") if isinstance(pattern, str)]
    assert patterns
    assert [pattern for pattern in patterns if "(?" in pattern] == []


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_example_is_valid_and_another_version_of_it_is_not(name: str, payload: dict[str, Any]) -> None:
    assert is_valid(name, payload)
    assert not is_valid(name, payload | {"v": 2})


def test_number_in_the_example_opens_with_the_key_that_the_document_names() -> None:
    request = dict(EXAMPLES)["OtpRequest"]
    keys = parse().callers["demo"].seal_keys
    assert unseal(request["to"], caller="demo", request_id=request["request_id"], keys=keys) == "+447700900123"

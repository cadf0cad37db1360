"""The AsyncAPI 3 document of all topics, made from the topics and records themselves."""

from typing import Any, Final

import msgspec

from pipeline.json_schema import portable, rewritten
from pipeline.records import MAX_RECORD_BYTES, VERSION, OtpRequest, Verification
from pipeline.topics import DEAD, REQUESTS, TOPICS, VERIFICATIONS, Topic

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
PRODUCED_BY_CALLERS: Final = frozenset({REQUESTS, VERIFICATIONS})
DESCRIPTION: Final = f"""Seen from an auth service: it sends `otp.requests` (and `otp.verifications`, when it checks \
codes itself), and may receive everything else.

Values are JSON of at most {MAX_RECORD_BYTES} bytes; keys are the request id. Produce with `acks=all` and \
`enable.idempotence=true`.
Fields that a reader does not know are ignored; a major version `v` that it does not know is a dead letter.
Topic names have no prefix here; the setting `kafka.prefix` puts one before all of them.

The number travels sealed. `to` is a compact JWE (RFC 7516), made with the 32 bytes that the caller and Ithaca share \
under the name `kid`:

- protected header: `{{"alg":"dir","enc":"A256GCM","kid":"<kid>","caller":"<caller>","rid":"<request_id>"}}`
- plaintext: the number in E.164, such as `+447700900123`

A code of the caller's own, in `code`, is sealed in the same way. The number in the example opens with the key of the \
development settings, the SHA-256 of `ithaca development key: seal-demo`.
"""
_REQUEST_ID: Final = "Zm9yIHRoZSBleGFtcGxl"
EXAMPLES: Final[dict[type, dict[str, Any]]] = {
    OtpRequest: {
        "v": VERSION,
        "request_id": _REQUEST_ID,
        "caller": "demo",
        "to": (
            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiZGVtby0xIiwiY2FsbGVyIjoiZGVtbyIsInJpZCI6IlptOXlJSFJvWlNC"
            "bGVHRnRjR3hsIn0..rDCg7wOLukFJ7_Ed.A5KeWxGP93wOb4akKQ.eyPYyvOHH6H8NcOOLpNKdw"
        ),
        "purpose": "login",
        "locale": "en",
        "issued_at": "2026-01-02T03:04:05.678Z",
        "expires_at": "2026-01-02T03:09:05.678Z",
    },
    Verification: {
        "v": VERSION,
        "request_id": _REQUEST_ID,
        "caller": "demo",
        "verdict": "verified",
        "at": "2026-01-02T03:04:35.678Z",
    },
}


def document() -> dict[str, Any]:
    """Give the document."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Ithaca, for auth services", "version": f"{VERSION}.0.0", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {f"{_action(topic)}-{topic.name}": _operation(topic) for topic in TOPICS},
        "components": {"messages": {_name(topic): _message(topic) for topic in TOPICS}, "schemas": _schemas()},
    }


def _name(topic: Topic) -> str:
    return topic.record.__name__


def _schemas() -> dict[str, Any]:
    records = sorted({topic.record for topic in TOPICS}, key=lambda record: record.__name__)
    _, schemas = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    for record in records:
        schemas[record.__name__]["properties"]["v"] = {"const": VERSION, "default": VERSION}
    return {name: rewritten(schemas[name], portable) for name in sorted(schemas)}


def _channel(topic: Topic) -> dict[str, Any]:
    retention_ms = int(topic.retention.total_seconds() * 1000) if topic.retention else -1
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {_name(topic): {"$ref": f"#/components/messages/{_name(topic)}"}},
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": [topic.cleanup.value], "retention.ms": retention_ms},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    """Say what an auth service may do, which is whom the document is for."""
    return {
        "action": _action(topic),
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.purpose,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{_name(topic)}"}],
    }


def _action(topic: Topic) -> str:
    return "send" if topic in PRODUCED_BY_CALLERS else "receive"


def _message(topic: Topic) -> dict[str, Any]:
    name = _name(topic)
    key = f"the `{topic.key}`" + (", or nothing where the record had none that could be read" if topic is DEAD else "")
    message: dict[str, Any] = {
        "name": name,
        "summary": (topic.record.__doc__ or "").partition("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}},
    }
    if example := EXAMPLES.get(topic.record):
        message["examples"] = [{"name": topic.record.__name__, "payload": example}]
    return message

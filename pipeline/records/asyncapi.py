"""The AsyncAPI 3 document of what auth services write and read, made from the topics and records themselves."""

from typing import Any, Final

import msgspec

from pipeline.errors import DeadReason
from pipeline.records import MAX_RECORD_BYTES, VERSION, Expired, OtpRequest, RefusedRequest, Verification
from pipeline.records.json_schema import portable, rewritten
from pipeline.records.topics import EXPIRED, REFUSED, REQUESTS, VERIFICATIONS, Topic

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
SENT: Final = (REQUESTS, VERIFICATIONS)  # by callers
RECEIVED: Final = (EXPIRED, REFUSED)
OF_CALLERS: Final = (*SENT, *RECEIVED)
GROUPS: Final = "caller."  # how the names of callers' consumer groups begin
DESCRIPTION: Final = f"""Seen from an auth service: it sends `otp.requests`, and `otp.verifications` when it checks \
codes itself; it may receive `otp.expired` and `otp.refused`, which tell what was not sent. Records of all callers are \
there: look at `caller`. The names of its consumer groups begin with `{GROUPS}`. All other topics are Ithaca's own.

Values are JSON of at most {MAX_RECORD_BYTES} bytes. Produce with `acks=all` and `enable.idempotence=true`; any \
compression may be used, and transactions, of which aborted ones send nothing. Key and partition do not matter; a key \
that is the request id names a record that cannot be read.
Fields that a reader does not know are ignored, `null` is what is not set, and a major version `v` that it does not \
know is refused. Instants have an offset from UTC; seconds or milliseconds since 1970 are read, too.
Topic names have no prefix here; the setting `kafka.prefix` puts one before all of them.

The number travels sealed. `to` is a compact JWE (RFC 7516), made with the 32 bytes that the caller and Ithaca share \
under the name `kid`:

- protected header: `{{"alg":"dir","enc":"A256GCM","kid":"<kid>","caller":"<caller>","rid":"<request_id>"}}`
- plaintext: the number in E.164, such as `+447700900123`

A code of the caller's own, in `code`, is sealed in the same way: 6 to 10 letters and digits, a digit among them.

With the settings of development the caller `demo` has one key, `demo-1`: the SHA-256 of the text \
`ithaca development key: seal-demo`. The number in the example opens with it.

A request that was made here can be looked at, resent and verified over HTTP as any other. docs/how-to/direct-door.md \
says what may change in a resend, what a report does, and what each reason of `otp.refused` means.
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
    Expired: {
        "v": VERSION,
        "request_id": _REQUEST_ID,
        "caller": "demo",
        "purpose": "login",
        "expired_at": "2026-01-02T03:09:05.678Z",
        "reason": DeadReason.EXPIRED,
    },
    RefusedRequest: {
        "v": VERSION,
        "request_id": _REQUEST_ID,
        "caller": "demo",
        "reason": DeadReason.INVALID_FIELD,
        "detail": "Object missing required field `purpose` at $",
        "resend": 0,
        "origin": {"topic": "otp.requests", "partition": 3, "offset": 1047},
        "at": "2026-01-02T03:04:05.702Z",
    },
}
SERVER: Final[dict[str, Any]] = {
    "host": "{bootstrap}",
    "protocol": "kafka",
    "description": "Where the setting `kafka.bootstrap` says; `make up` and `ithaca status` print the address of a "
    "system on this machine. In production with TLS and the caller's own user.",
    "variables": {"bootstrap": {"default": "127.0.0.1:9092"}},
}


def document() -> dict[str, Any]:
    """Give the document."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Ithaca, for auth services", "version": f"{VERSION}.0.0", "description": DESCRIPTION},
        "servers": {"kafka": SERVER},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in OF_CALLERS},
        "operations": {f"{_action(topic)}-{topic.name}": _operation(topic) for topic in OF_CALLERS},
        "components": {"messages": {_name(topic): _message(topic) for topic in OF_CALLERS}, "schemas": _schemas()},
    }


def _name(topic: Topic) -> str:
    return topic.record.__name__


def _schemas() -> dict[str, Any]:
    records = sorted({topic.record for topic in OF_CALLERS}, key=lambda record: record.__name__)
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
    operation: dict[str, Any] = {
        "action": _action(topic),
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.purpose,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{_name(topic)}"}],
    }
    if topic in RECEIVED:
        group = {"type": "string", "pattern": f"^{GROUPS}".replace(".", "[.]")}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
    return operation


def _action(topic: Topic) -> str:
    return "send" if topic in SENT else "receive"


def _message(topic: Topic) -> dict[str, Any]:
    name = _name(topic)
    key = f"the `{topic.key}`" + (
        ", or nothing where the record had none that could be read" if topic is REFUSED else ""
    )
    message: dict[str, Any] = {
        "name": name,
        "summary": (topic.record.__doc__ or "").partition("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}},
    }
    if example := EXAMPLES.get(topic.record):
        message["examples"] = [{"name": topic.record.__name__, "payload": example}]
    return message

"""The fields of a request, and those that its provider's own description knows for its path."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from providers.base import HttpRequest
from tests.providers.described import SPECS


def sent_fields(request: HttpRequest) -> set[str]:
    """Give the names of all fields in a body, at any depth: of JSON, or of a form."""
    if request.body.startswith(b"{"):
        return set(_names(orjson.loads(request.body)))
    return {name for name, _ in parse_qsl(request.body.decode(), keep_blank_values=True)}


def described_fields(spec: str, request: HttpRequest) -> set[str]:
    """Give the names of all fields that a description has for the body of a POST to this path."""
    document = orjson.loads((SPECS / spec).read_bytes())
    path = urlsplit(request.url).path
    operations = [one["post"] for there, one in document["paths"].items() if "post" in one and _is(there, path)]
    return {name for operation in operations for name in _properties(operation["requestBody"], document, set())}


def _is(template: str, path: str) -> bool:
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{[^}]*}", template))
    return re.search(f"{pattern}$", path) is not None


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(inner)


def _properties(schema: Any, document: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    """Walk a schema, through its references, each of them once; examples are no part of it."""
    if isinstance(schema, list):
        for one in schema:
            yield from _properties(one, document, seen)
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        yield from _properties(found, document, seen)
    properties = schema.get("properties")
    yield from properties if isinstance(properties, dict) else ()
    for name, inner in schema.items():
        if name not in {"example", "examples", "enum", "description"}:
            yield from _properties(inner, document, seen)

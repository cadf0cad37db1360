"""The schemas of the HTTP door, made from what its handlers read and give, in the words that generators understand.

OpenAPI 3.0 says `nullable` where JSON Schema has a null beside another type, and `enum` where it has `const`.
Patterns are without look-aheads, which RE2 does not know. A field with a default is one that may be left out: some
generators make it obligatory when the schema names the default, so that its description does.
"""

import inspect
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pipeline.records.json_schema import portable, rewritten
from workers.api import examples
from workers.api.bodies import AcceptedOtp, Checked, Entered, NewOtp, Timeline
from workers.web.problems import URN, ProblemType

BODIES: Final = (NewOtp, Entered)  # other fields than theirs are refused
_REF: Final = "#/components/schemas/"
_NOT_WORD: Final = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """RFC 9457 problem document."""

    type: ProblemType
    title: str
    status: int
    detail: str
    field: str | msgspec.UnsetType = msgspec.UNSET  # the one that is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What the process finds around it, each `up` or `away`."""

    status: str
    kafka: str
    store: str


def ref(kind: type) -> dict[str, str]:
    """Refer to the schema of what a handler reads or gives."""
    return {"$ref": _REF + kind.__name__}


def schemas() -> dict[str, Any]:
    """Give all schemas by name."""
    kinds = (NewOtp, AcceptedOtp, Entered, Checked, Timeline, Problem, Health, Readiness)
    _, found = msgspec.json.schema_components(kinds, ref_template=_REF + "{name}")
    for kind in BODIES:
        found[kind.__name__]["additionalProperties"] = False
    understood = {name: rewritten(schema, _understood) for name, schema in found.items()}
    for name, schema in understood.items():
        if "enum" in schema:
            schema["x-enum-varnames"] = [_constant(name, value) for value in schema["enum"]]
        if example := examples.BODIES.get(name):
            schema["example"] = example
    return understood


def _understood(parts: dict[str, Any]) -> dict[str, Any]:
    if {"type": "null"} in parts.get("anyOf", ()):
        parts |= _nullable(parts.pop("anyOf"))
    if "enum" in parts:
        parts["type"] = "string"
    if "description" in parts:
        parts["description"] = inspect.cleandoc(parts["description"])
    if "default" in parts:
        parts |= _told(parts, parts.pop("default"))
    return portable(parts)


def _nullable(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    (kind,) = (kind for kind in kinds if kind != {"type": "null"})
    return {"allOf": [kind], "nullable": True} if "$ref" in kind else kind | {"nullable": True}


def _told(schema: dict[str, Any], default: object) -> dict[str, Any]:
    if default is None:
        return {}
    told = f"`{default}` where it is left out"
    return {"description": f"{schema['description']}; {told}" if "description" in schema else told}


def _constant(name: str, value: str) -> str:
    """Name a value so that no two enums have a name in common: Go's constants are those of a whole package."""
    words = _NOT_WORD.split(value.removeprefix(URN))
    return name + "".join(word.capitalize() for word in words)

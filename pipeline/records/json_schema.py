"""JSON Schemas as other languages read them."""

from collections.abc import Callable
from typing import Any, Final

_LOOK_AHEAD: Final = r"(?!\n)"  # keeps Python's `$` from ignoring a line break; that of JSON Schema does not


def rewritten(schema: Any, rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Give a schema with every object in it rewritten, the inner ones first."""
    if isinstance(schema, list):
        return [rewritten(part, rewrite) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return rewrite({key: rewritten(part, rewrite) for key, part in schema.items()})


def portable(parts: dict[str, Any]) -> dict[str, Any]:
    """Write a pattern without the look-ahead, which RE2 does not know."""
    return parts | {"pattern": parts["pattern"].removesuffix(_LOOK_AHEAD)} if "pattern" in parts else parts

"""Why a process ended: what it said about it last, in its log."""

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

LOOP: Final = 3  # ends for the same reason, one after the other, that are no accident any more
LONGEST: Final = 300  # characters
_SEVERE: Final = frozenset({"error", "critical"})
_SAID: Final = "error: "  # a command's last words: they hold neither codes nor numbers
_DIGITS: Final = re.compile(r"\d+")


def last_words(lines: Iterable[str]) -> str | None:
    """Give the last error of a log in a line; none where it has no error of ours."""
    for line in reversed(list(lines)):
        said = line.removeprefix(_SAID) if line.startswith(_SAID) else _severe(line)
        if said:
            return said[:LONGEST]
    return None


def same(one: str, other: str | None) -> bool:
    """Tell whether two ends have the same reason, though it may name other offsets or times."""
    return other is not None and _DIGITS.sub("#", one) == _DIGITS.sub("#", other)


def _severe(line: str) -> str | None:
    try:
        event: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or event.get("level") not in _SEVERE:
        return None
    told = (event.get(name) for name in ("event", "error_type", "error_at", "reason", "template"))
    return ", ".join(str(word) for word in told if word)

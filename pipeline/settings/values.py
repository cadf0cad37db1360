"""One value of a source -> one value of Settings. The types are judged by msgspec, what to do about it is said here."""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args, get_origin
from unicodedata import category

import msgspec
import orjson

from pipeline.settings.problems import Path, Wrong, meant
from pipeline.settings.tree import bare, is_table

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRUTH: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_NUMBERS: Final = {int: "a whole number", float: "a number"}
_SAID: Final = {
    str: 'is not a text; write it in quotes, such as "text"',
    bool: "is neither true nor false; write one of them",
    tuple: 'is not a list of texts; write ["one", "two"]',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value as a source gives it."""

    path: Path
    value: Any = field(repr=False)
    origin: str  # file and line, or the variable
    text: bool = False  # from a variable, where numbers and lists are written as text


def convert(kind: Any, given: Given) -> Any:
    """Convert to the type of the setting. Raises Wrong, with the remedy in its text."""
    kind = bare(kind)
    value = from_text(kind, given.value) if given.text else given.value
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise Wrong(_wrong(kind, value, given)) from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise Wrong(_wrong(kind, value, given))
    for text in converted if isinstance(converted, tuple) else (converted,):
        _refuse_control(text)
    return converted


def from_text(kind: Any, text: str) -> object:
    """Read the text of a variable as a file would write it; what cannot be read stays a text."""
    if kind is bool:
        return _TRUTH.get(text.lower(), text)
    try:
        if kind in _NUMBERS:
            return kind(text)
        if get_origin(kind) is tuple and not text.startswith("["):
            return [word.strip() for word in text.split(",")]
        if get_origin(kind) is tuple or is_table(kind):
            return orjson.loads(text)
    except ValueError:
        pass
    return text


def _refuse_control(text: object) -> None:
    """Refuse control characters, which nobody sees and everything would be looked up with. Raises Wrong."""
    # A message may have several lines.
    if isinstance(text, str) and any(category(sign) == "Cc" and sign != "\n" for sign in text):
        raise Wrong("has a control character inside, such as a tab or a carriage return; write it anew without")


def _wrong(kind: Any, value: object, given: Given) -> str:
    """Say why a value is none of its type."""
    if get_origin(kind) is Literal:
        return f"is {_shown(value)}, which is none of its values; {meant(str(value), get_args(kind))}"
    if kind not in _NUMBERS:
        return _SAID[get_origin(kind) or kind]
    wanted = f"{_NUMBERS[kind]} of seconds" if given.path[-1].endswith("_s") else _NUMBERS[kind]
    if isinstance(value, bool) or not isinstance(value, int | kind):
        return f"is {_shown(value)}, not {wanted}{_instead(given, whole=kind is int)}"
    return f"is {value}, which is no amount; write {wanted}"


def _shown(value: object) -> str:
    """Show a value of a setting that holds no secret."""
    if isinstance(value, str):
        return f'"{value[:40]}"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _instead(given: Given, *, whole: bool) -> str:
    """Say what to write where the value can be understood as a duration or as a number in quotes."""
    text = str(given.value).strip()
    duration = _DURATION.fullmatch(text)
    if duration and given.path[-1].endswith("_s"):
        unit = duration[2] if duration[2] == "ms" else duration[2][0]
        return f"; write {float(duration[1]) * _SECONDS[unit]:g}"
    number = from_text(float, text)
    if not isinstance(number, float) or not math.isfinite(number):
        return "; write digits only"
    quotes = " without quotes" if isinstance(given.value, str) and not given.text else ""
    return f"; write {round(number) if whole else number}{quotes}"

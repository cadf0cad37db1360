"""One value of a source -> one value of Settings."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args, get_origin
from unicodedata import category

import orjson

from pipeline.settings.problems import Path, Wrong, meant

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRUTH: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
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
    if get_origin(kind) is Literal:
        return _choice(given.value, get_args(kind))
    if get_origin(kind) is tuple:
        return _words(given)
    return _READERS[kind](given)


def _text(given: Given) -> str:
    if not isinstance(given.value, str):
        raise Wrong('is not a text; write it in quotes, such as "text"')
    return _visible(given.value)


def _truth(given: Given) -> bool:
    value = _TRUTH.get(given.value.lower()) if given.text else given.value
    if not isinstance(value, bool):
        raise Wrong("is neither true nor false; write one of them")
    return value


def _whole(given: Given) -> int:
    value = given.value
    if given.text and re.fullmatch(r"[+-]?\d{1,18}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(f"is {_shown(value)}, not {_wanted(given.path, 'a whole number')}{_instead(given, whole=True)}")
    return value


def _real(given: Given) -> float:
    value = given.value
    if given.text:
        value = _parsed(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong(f"is {_shown(given.value)}, not {_wanted(given.path, 'a number')}{_instead(given, whole=False)}")
    if not math.isfinite(value):
        raise Wrong(f"is {value}, which is no amount; write {_wanted(given.path, 'a number')}")
    return float(value)


def _parsed(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _choice(value: object, choices: tuple[str, ...]) -> str:
    if isinstance(value, str) and value in choices:
        return value
    raise Wrong(f"is {_shown(value)}, which is none of its values; {meant(str(value), choices)}")


def _words(given: Given) -> tuple[str, ...]:
    value = given.value
    if given.text:
        value = _json(value) if value.startswith("[") else [word.strip() for word in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise Wrong('is not a list of texts; write ["one", "two"]')
    return tuple(_visible(word) for word in value)


def _visible(text: str) -> str:
    """Refuse control characters, which nobody sees and everything would be looked up with. Raises Wrong."""
    if any(category(sign) == "Cc" and sign != "\n" for sign in text):  # a message may have several lines
        raise Wrong("has a control character inside, such as a tab or a carriage return; write it anew without")
    return text


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _shown(value: object) -> str:
    """Show a value of a setting that holds no secret."""
    return (
        str(value).lower() if isinstance(value, bool) else f'"{value[:40]}"' if isinstance(value, str) else repr(value)
    )


def _wanted(path: Path, number: str) -> str:
    unit = next(
        (unit for ending, unit in (("_s", " of seconds"), ("_ms", " of milliseconds")) if path[-1].endswith(ending)), ""
    )
    return f"{number}{unit}"


def _instead(given: Given, *, whole: bool) -> str:
    """Say what to write where the value can be understood as a duration or as a number in quotes."""
    text = str(given.value).strip()
    duration = _DURATION.fullmatch(text)
    if duration and given.path[-1].endswith("_s"):
        unit = duration[2] if duration[2] == "ms" else duration[2][0]
        return f"; write {float(duration[1]) * _SECONDS[unit]:g}"
    number = _parsed(text)
    if isinstance(number, str) or not math.isfinite(number):
        return "; write digits only"
    quotes = " without quotes" if isinstance(given.value, str) and not given.text else ""
    return f"; write {round(number) if whole else number}{quotes}"


_READERS: Final[dict[Any, Callable[[Given], Any]]] = {str: _text, bool: _truth, int: _whole, float: _real}

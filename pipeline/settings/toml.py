"""The text of a settings file -> a document whose keys know their lines."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.errors import SettingsError
from pipeline.settings.parse import Document
from pipeline.settings.problems import Path

FILE: Final = "ithaca.toml"  # in the working directory


def read_toml(name: str, content: bytes) -> Document:
    """Read a settings file. Raises SettingsError when it is not TOML."""
    try:
        text = content.decode()
        return Document(name=name, values=tomllib.loads(text), lines=dict(_lines(text)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a byte that is not UTF-8"
        raise SettingsError(f"{name}: is not TOML: {fault}; correct it there") from None


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    """Find the line of every key that begins one: `tomllib` does not tell."""
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        start = line.strip()
        if start.startswith("["):
            table = _path(start) or table
            yield table, number
        elif "=" in start and (key := _path(f"{start.split('=', 1)[0]} = 0")):
            yield (*table, *key), number


def _path(line: str) -> Path:
    """Read a header or a key with the parser itself, so that quotes and dots count as it counts them."""
    try:
        inside: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path = []
    while isinstance(inside, Mapping) and inside:
        name, inside = next(iter(inside.items()))
        path.append(name)
    return tuple(path)

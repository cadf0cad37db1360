"""What is wrong with a setting, and how it is said: source, key, fault, remedy, one line each."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pipeline.errors import SettingsError

Path = tuple[str, ...]  # from the root of the settings, such as ("otp", "ttl_s")

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")  # TOML's keys without quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault. `text` goes on after the key; it never holds a secret, a number or a text of a message."""

    path: Path
    text: str
    origin: str | None = None  # none: where the key was set


class Wrong(Exception):
    """A value that cannot be used. The text goes on after the key. The parser makes a Problem of it."""


def dotted(path: Path) -> str:
    """Write a path as TOML does: `routes."*".carrier-a`."""
    return ".".join(name if _BARE.fullmatch(name) else f'"{name}"' for name in path)


def meant(word: str, known: Collection[str], also: Collection[str] = ()) -> str:
    """Say what was probably meant, or else what there is; `also` may be meant, but is too much to list."""
    beginning = [name for name in known if word and name.startswith(word)]
    close = get_close_matches(word, [*also, *known], n=1, cutoff=0.6) or beginning
    if close:
        return f"did you mean {close[0]}?"
    return f"there are: {', '.join(known)}" if known else "there are none"


def settings_error(problems: Iterable[Problem], origins: dict[str, str], unset: str) -> SettingsError:
    """Put all problems into one error; `unset` is the place named for keys that nobody set."""
    lines = [f"{problem.origin or _origin(problem.path, origins, unset)}: {_said(problem)}" for problem in problems]
    return SettingsError("\n".join(dict.fromkeys(lines)))


def _said(problem: Problem) -> str:
    return f"{dotted(problem.path)} {problem.text}" if problem.path else problem.text


def _origin(path: Path, origins: dict[str, str], unset: str) -> str:
    key = dotted(path)
    around = [key, *(dotted(path[:end]) for end in range(len(path) - 1, 1, -1))]  # inside it, else beside it
    near = (origin for table in around for name, origin in origins.items() if name.startswith(f"{table}."))
    return origins.get(key) or next(near, unset)

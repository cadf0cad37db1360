"""Where values come from, the later source winning: development defaults, the TOML file, variables.

A variable is `ITHACA_` and the names of the levels, joined by two underscores: `ITHACA_OTP__TTL_S=300`. Names that
users choose (providers, callers, keys) are of small letters, digits and dashes; since a shell cannot export a dash,
a single underscore stands for it: `ITHACA_PROVIDERS__CARRIER_A__BASE_URL` sets `providers.carrier-a.base_url`.
A whole table may be given as JSON, which is also the way to write `*`: `ITHACA_ROUTES='{"*": {"carrier-a": 100}}'`.
An empty variable counts as not set. Routes and key rings are replaced as a whole, everything else value by value.
Blanks and line ends at the ends of a text are nobody's wish, and are left out of every source: a file of variables with
Windows line ends puts a carriage return behind each value, which nobody sees.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pipeline.settings.model import Settings
from pipeline.settings.problems import Path, Problem, dotted, meant
from pipeline.settings.tree import child_of, is_section, is_table, name_of, replaced_whole, settings_of
from pipeline.settings.values import Given, from_text

PREFIX: Final = "ITHACA_"
CONFIG: Final = "ITHACA_CONFIG"  # names the file; not a setting
_REFERENCE: Final = re.compile(r"env:(\w+)")
# Kubernetes adds such variables for a service called ithaca or ithaca-something.
_SERVICE_LINK: Final = re.compile(r"ITHACA_(?:[A-Z0-9]+_)*?(?:SERVICE_(?:HOST|PORT\w*)|PORT(?:_\d+_(?:TCP|UDP)\w*)?)")

Layer = Mapping[Path, Given]
Entry = Given | Problem


def read_document(document: object, origin: Callable[[Path], str]) -> Iterator[Entry]:
    """Flatten a TOML document; `origin` tells where a key stands."""
    yield from _flatten(Settings, document, (), origin)


def read_variables(environ: Mapping[str, str], below: Iterable[Given]) -> Iterator[Entry]:
    """Read every variable that begins with ITHACA_, but for those that a reference to a secret names."""
    ours = {name: text for name, value in environ.items() if name.startswith(PREFIX) and (text := value.strip())}
    texts = [*ours.values(), *(str(given.value) for given in below)]
    secrets = {name for text in texts for name in _REFERENCE.findall(text)}
    for name in sorted(ours.keys() - secrets - {CONFIG}):
        if "__" in name or not _SERVICE_LINK.fullmatch(name):
            yield from _variable(name, ours[name])


def merge(below: Layer, above: Layer) -> Layer:
    """Put one layer on another."""
    replaced = {whole for path in above if (whole := replaced_whole(path))}
    kept = {path: given for path, given in below.items() if replaced_whole(path) not in replaced}
    return {**kept, **above}


def _flatten(kind: Any, value: object, path: Path, origin: Callable[[Path], str]) -> Iterator[Entry]:
    if not is_table(kind):
        yield Given(path=path, value=_stripped(value), origin=origin(path))
    elif not isinstance(value, Mapping):
        yield Problem(
            path=path, text="is a table, not a single value; write the settings inside it", origin=origin(path)
        )
    else:
        for name, item in value.items():
            inner = (*path, name)
            child = child_of(kind, name)
            if child is None:
                yield Problem(path=inner, text=_unknown(name, kind), origin=origin(inner))
            else:
                yield from _flatten(child, item, inner, origin)


def _variable(variable: str, value: str) -> Iterator[Entry]:
    kind: Any = Settings
    path: Path = ()
    for word in variable.removeprefix(PREFIX).split("__"):
        name = _name(kind, word)
        child = child_of(kind, name)
        if child is None:
            yield Problem(path=(), text=_unknown_variable(variable, kind, path), origin=variable)
            return
        kind, path = child, (*path, name)
    if not is_table(kind):
        yield Given(path=path, value=value, origin=variable, text=True)
    elif isinstance(table := from_text(kind, value), Mapping):
        yield from _flatten(kind, table, path, lambda _: variable)
    else:
        yield Problem(path=path, text='is a table; write it as JSON, such as {"name": "value"}', origin=variable)


def _name(kind: Any, word: str) -> str:
    chosen = name_of(kind)
    return chosen.of_variable(word) if chosen else word.lower().replace("-", "_")


def _unknown(name: str, kind: Any) -> str:
    return f"is no setting; {meant(name, settings_of(kind))}"


def _unknown_variable(variable: str, kind: Any, path: Path) -> str:
    if not is_section(kind):
        return f"{dotted(path)} holds a single value, nothing inside it; leave out what follows"
    before = "".join(f"{name.upper().replace('-', '_')}__" for name in path)
    known = {f"{PREFIX}{before}{name.upper()}": child for name, child in settings_of(kind).items()}
    inside = [
        f"{one}__{name.upper()}" for one, child in known.items() if is_section(child) for name in settings_of(child)
    ]
    return f"is no setting; {meant(variable, known, inside)}"


def _stripped(value: object) -> object:
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value.strip() if isinstance(value, str) else value

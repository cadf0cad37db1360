"""The reference of all settings, made from the dataclasses that hold them and the comments beside their fields."""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, replace
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

from msgspec import Meta

from pipeline.message.text import TEXTS, Message, outside, render
from pipeline.settings import CallerSettings, Secret, Settings
from pipeline.settings.layers import PREFIX
from pipeline.settings.tree import bare, default_of, entry_of, is_section, name_of, said_of, settings_of

INTRO: Final = """# Settings

Made from the settings themselves: `.venv/bin/ithaca settings --reference docs/reference/settings.md`.
`ithaca settings` shows every value in force and where it comes from.

A later source wins: development defaults, the file `ithaca.toml` (or what `--config` or `ITHACA_CONFIG` names), \
variables.
A variable is `ITHACA_` and the names of the levels, joined by two underscores; in names that you choose, such as \
those of providers, a single underscore stands for a dash.
A whole table may be given as JSON: `ITHACA_ROUTES='{"*": {"carrier-a": 100}}'`.

A secret is never written down but referred to: `env:NAME`, `file:/path`, and in development `dev:word`.
In development there are keys, a caller `demo`, three simulated carriers and their routes by default; production has \
none of these.
"""

CODE: Final = "123456"
DOMAIN: Final = "shop.example.com"
ANDROID_HASH: Final = "FA+9qCX9VSu"
SHOP: Final = CallerSettings(brand="Shop")
TEXTS_INTRO: Final = f"""## Texts

What the texts without a template of the caller's own cost: segments, and characters in parentheses, for a code of \
{len(CODE)} digits, the brand `{SHOP.brand}` and the domain `{DOMAIN}`.
A segment takes 160 characters of GSM-7, or 70 of UCS-2.
A single other sign in a brand or a template makes UCS-2 of the whole message: `ithaca settings`, and each start of a \
dispatcher, name such signs where they cost a segment and could be written otherwise.
A caller's `locale` meets a text whatever its letter case, by its language where there is none for its region, and \
English otherwise.
"""

_FIELD: Final = re.compile(r"(?:^    # (?P<above>.*)\n)?^    (?P<name>\w+): .*?(?:  # (?P<beside>.*))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting."""

    path: tuple[str, ...]
    default: str
    values: str
    meaning: str


def reference() -> str:
    """Give the whole reference as Markdown."""
    sections: dict[str, list[Row]] = {}
    for row in _rows(Settings, ()):
        sections.setdefault(row.path[0] if len(row.path) > 1 else "general", []).append(row)
    parts = [INTRO]
    for name, rows in sections.items():
        parts += [f"## {name}", "", *_table(rows), ""]
    return "\n".join([*parts, TEXTS_INTRO, *_texts(), ""])


def _texts() -> Iterator[str]:
    """Give what each of our texts costs, alone and with what makes phones fill in the code."""
    callers = (SHOP, replace(SHOP, domain=DOMAIN), replace(SHOP, android_hash=ANDROID_HASH))
    yield "| locale | alphabet | alone | with the WebOTP line | with the Android hash | text |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for locale, text in TEXTS.items():
        alphabet = "UCS-2" if outside(text) else "GSM-7"
        costs = " | ".join(_cost(render(CODE, caller, locale)) for caller in callers)
        yield f"| `{locale}` | {alphabet} | {costs} | {text} |"


def _cost(message: Message) -> str:
    signs = len(message.text)
    return f"{message.segments} ({signs})"


def _rows(table: type, path: tuple[str, ...]) -> Iterator[Row]:
    for name, kind in settings_of(table).items():
        inner, entry = (*path, name), kind
        while chosen := name_of(entry):
            inner, entry = (*inner, f"<{chosen.word}>"), entry_of(entry)
        if is_section(entry):
            yield from _rows(entry, inner)
        else:
            meaning = _comments(table).get(name, "")
            yield Row(path=inner, default=_default(table, name), values=_values(entry), meaning=meaning)


def _default(table: type, name: str) -> str:
    default = default_of(table, name)
    if default is MISSING:
        return "must be set"
    if default in (None, "", (), {}):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _values(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if bare(kind) is Secret:
        return "secret"
    allowed = said_of(kind, Meta)
    return f"{allowed.ge:g} to {allowed.le:g}" if allowed else ""


@cache
def _comments(table: type) -> Mapping[str, str]:
    """Give the comment of each field, which stands at the end of its line, or above it where it has no room there."""
    found = _FIELD.finditer(inspect.getsource(table))
    return {field["name"]: field["beside"] or field["above"] or "" for field in found}


def _table(rows: list[Row]) -> Iterator[str]:
    yield "| setting | variable | default | values | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        variable = PREFIX + "__".join(row.path).upper()
        yield f"| `{'.'.join(row.path)}` | `{variable}` | {row.default} | {row.values} | {row.meaning} |"

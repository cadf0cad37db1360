"""Key rings, the auth services that may ask for codes, and the operators who may look and act."""

import re
import unicodedata
from collections.abc import Iterator
from string import Formatter
from typing import Final

from pipeline.language import nearest, tag
from pipeline.settings.model import CallerSettings, Secret, Settings
from pipeline.settings.names import audit_name, host_name
from pipeline.settings.problems import Path, Problem, meant
from pipeline.text import TEXTS

_ANDROID_HASH: Final = re.compile(r"[A-Za-z0-9+/]{11}")  # SMS Retriever API: 11 characters of base64
_PLACEHOLDERS: Final = ("code", "brand")
LEAST_KEY: Final = 16  # bytes of an operator's key: NIST SP 800-63B-4, 3.1.1, has 15 characters for a sole factor
_RINGS: Final = ("codes", "numbers", "tokens")


def audit_rings(settings: Settings) -> Iterator[Problem]:
    """Check that there are keys to derive codes, to hash numbers and to sign callback tokens."""
    for name in _RINGS:
        path, ring = ("keys", name), getattr(settings.keys, name)
        if not ring:
            text = f'is missing; write a key ring, such as [keys.{name}] with k1 = "file:/run/secrets/{name}"'
            yield Problem(path=path, text=text)
        for kid in ring:
            yield from audit_name((*path, kid))
    if len(settings.keys.numbers) > 1:
        text = "has more than one key; numbers hashed with two keys cannot be compared, keep one"
        yield Problem(path=("keys", "numbers"), text=text)


def audit_callers(settings: Settings) -> Iterator[Problem]:
    """Check every caller, and that no two share an API key."""
    owners: dict[Secret, str] = {}
    if not settings.callers:
        yield Problem(path=("callers",), text="is empty, so nobody could ask for a code; write [callers.<name>]")
    for name, caller in settings.callers.items():
        path = ("callers", name)
        yield from audit_name(path)
        yield from _audit_keys(path, caller)
        yield from _audit_texts(path, caller)
        if caller.api_key and (owner := owners.setdefault(caller.api_key, name)) != name:
            yield Problem(path=(*path, "api_key"), text=f"is the same as that of caller {owner}; give each its own")


def audit_operators(settings: Settings) -> Iterator[Problem]:
    """Check every operator: keys that cannot be guessed, and none that two share."""
    owners: dict[Secret, str] = {}
    for name, operator in settings.operators.items():
        path = ("operators", name)
        yield from audit_name(path)
        if not operator.key:
            continue  # it is missing, which has been said
        if settings.environment == "production" and len(operator.key.reveal()) < LEAST_KEY:
            text = f"is shorter than {LEAST_KEY} bytes and could be guessed; make one with `openssl rand -base64 24`"
            yield Problem(path=(*path, "key"), text=text)
        if (owner := owners.setdefault(operator.key, name)) != name:
            yield Problem(path=(*path, "key"), text=f"is the same as that of operator {owner}; give each their own")


def _audit_keys(path: Path, caller: CallerSettings) -> Iterator[Problem]:
    if caller.api_key is None and not caller.seal_keys:
        text = "has no key and could not ask for anything; write api_key (HTTP door) or seal_keys (direct door)"
        yield Problem(path=path, text=text)
    for kid in caller.seal_keys:
        yield from audit_name((*path, "seal_keys", kid))


def _audit_texts(path: Path, caller: CallerSettings) -> Iterator[Problem]:
    if not caller.brand.strip() or _control(caller.brand):
        yield Problem(path=(*path, "brand"), text="is empty or has a control character; write a name on one line")
    if caller.domain is not None and not host_name(caller.domain):
        yield Problem(path=(*path, "domain"), text="is no host name; write it like example.com, without https://")
    if caller.android_hash is not None and not _ANDROID_HASH.fullmatch(caller.android_hash):
        text = "is not a hash of the SMS Retriever API; write its 11 characters"
        yield Problem(path=(*path, "android_hash"), text=text)
    for locale in caller.locales:
        if nearest(locale, (*TEXTS, *caller.templates)) is None:
            known = [*TEXTS, *caller.templates]
            text = f"has {locale[:20]}, for which there is no text; write a template for it; {meant(locale, known)}"
            yield Problem(path=(*path, "locales"), text=text)
    tags: dict[str, str] = {}
    for locale, template in caller.templates.items():
        if (same := tags.setdefault(tag(locale), locale)) != locale:
            text = f"is the same language as {same}, letter case says nothing; keep one of them"
            yield Problem(path=(*path, "templates", locale), text=text)
        yield from _audit_template((*path, "templates", locale), template)


def _audit_template(path: Path, template: str) -> Iterator[Problem]:
    if _control(template):
        yield Problem(
            path=path, text="has a line break or a control character; write one line, autofill lines are added"
        )
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError:
        yield Problem(path=path, text="has a single brace; write {code} and {brand}, and {{ for a brace in the text")
        return
    names = [name for _, name, _, _ in parts if name is not None]
    if any(form or conversion for _, _, form, conversion in parts) or not set(names) <= set(_PLACEHOLDERS):
        yield Problem(path=path, text="has a placeholder that is not {code} or {brand}; write only these two")
    if names.count("code") != 1:
        yield Problem(path=path, text="must have {code} exactly once; write it where the code belongs")


def _control(text: str) -> bool:
    return any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in text)

"""What must hold of settings for messages: texts that can be filled in, and numbers that can be written to."""

import re
import unicodedata
from collections.abc import Iterator
from string import Formatter
from typing import Final

from pipeline.message.language import nearest, tag
from pipeline.message.numbering import is_normal
from pipeline.message.text import TEXTS
from pipeline.settings import CallerSettings, Settings
from pipeline.settings.names import e164, host_name
from pipeline.settings.problems import Path, Problem, meant

_ANDROID_HASH: Final = re.compile(r"[A-Za-z0-9+/]{11}")  # SMS Retriever API: 11 characters of base64
_PLACEHOLDERS: Final = ("code", "brand")


def audit_messages(settings: Settings) -> Iterator[Problem]:
    """Find every text that no message can be made of, and every test number that nobody can have."""
    for place, number in enumerate(settings.otp.test_numbers, start=1):
        yield from _audit_test_number(place, number)
    for name, caller in settings.callers.items():
        yield from _audit_texts(("callers", name), caller)


def _audit_test_number(place: int, number: str) -> Iterator[Problem]:
    if not e164(number):
        text = f"has a number that is not E.164, the one in place {place}; write it like +447700900123"
        yield Problem(path=("otp", "test_numbers"), text=text)
    elif not is_normal(number):
        text = f"has a number that nobody can be asked for, the one in place {place}; write it without trunk zeros"
        yield Problem(path=("otp", "test_numbers"), text=text)


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

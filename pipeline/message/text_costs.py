"""What messages cost in segments, and the single signs for which a caller pays more than its text needs."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pipeline.message.text import TEXTS, last_line, outside, segments, template
from pipeline.settings import CallerSettings, Settings
from pipeline.settings.problems import Path

# What is written in place of signs that Unicode gives no simpler form.
_INSTEAD: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2022\u00b7\u2212", "-"),
    **dict(zip("\u0131\u0142\u0141\u0111\u0110", "ilLdD", strict=True)),  # dotless i, l and d with stroke
}
_BY_CATEGORY: Final = {"Zs": " ", "Pd": "-", "Cf": "", "Mn": ""}  # Unicode's blanks, dashes, invisible and added signs


@dataclass(frozen=True, slots=True, kw_only=True)
class AvoidableSegments:
    """A brand or a template that takes more segments for a few signs which could be written otherwise."""

    path: Path  # of the setting
    signs: tuple[str, ...]
    segments: int
    instead: int  # segments without these signs

    def __str__(self) -> str:
        named = ", ".join(map(sign_name, self.signs))
        return f"has {named}, which GSM-7 has not: a message takes {self.segments} segments instead of {self.instead}"


def avoidable_segments(settings: Settings) -> Iterator[AvoidableSegments]:
    """Find what makes messages take more segments for signs that could be written otherwise. A warning, no fault."""
    code = "0" * settings.otp.digits
    for name, caller in settings.callers.items():
        path: Path = ("callers", name)
        plain = replace(caller, brand=_plain(caller.brand))
        yield from _avoidable((*path, "brand"), [_filled(caller, text, code) for text in _texts(plain)])
        for locale, text in caller.templates.items():
            yield from _avoidable((*path, "templates", locale), [_filled(plain, text, code)])


def _avoidable(path: Path, messages: list[str]) -> Iterator[AvoidableSegments]:
    """Judge by the message that costs most for it."""
    saved, message = max((segments(message) - segments(_plain(message)), message) for message in messages)
    if saved > 0:
        signs = tuple(sign for sign in outside(message) if _plain(sign) != sign)
        yield AvoidableSegments(path=path, signs=signs, segments=segments(message), instead=segments(message) - saved)


def _texts(caller: CallerSettings) -> list[str]:
    """Give the texts that a caller's messages are made of, in GSM-7 where they can be."""
    return [_plain(template(caller, locale)) for locale in (*(caller.locales or TEXTS), *caller.templates)]


def sign_name(sign: str) -> str:
    """Name a sign for people: those that can be seen are shown too."""
    name = unicodedata.name(sign, f"U+{ord(sign):04X}")
    seen = sign.isprintable() and unicodedata.category(sign) not in _BY_CATEGORY
    return f"{sign} ({name})" if seen else name


def _filled(caller: CallerSettings, text: str, code: str) -> str:
    return text.format(code=code, brand=caller.brand) + last_line(code, caller)


def _plain(text: str) -> str:
    """Write what can be written so in GSM-7: without invisible signs, typography and accents that it has not."""
    return "".join(map(_plainer, text)) if outside(text) else text


def _plainer(sign: str) -> str:
    if not outside(sign):
        return sign
    simpler = _INSTEAD.get(sign, _BY_CATEGORY.get(unicodedata.category(sign)))
    if simpler is None:
        parts = unicodedata.normalize("NFKD", sign)
        simpler = "".join(part for part in parts if not unicodedata.combining(part))
    return sign if outside(simpler) else simpler

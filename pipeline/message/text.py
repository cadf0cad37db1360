"""Render the message; GSM-7 or UCS-2; segments; autofill line."""

import math
from typing import Final

from msgspec import Struct

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.codes import bare
from pipeline.message.language import nearest
from pipeline.settings import CallerSettings

# One sentence a language, in GSM-7 where the language allows it and else short, so that with the WebOTP line of an
# ordinary domain it stays one segment; docs/reference/settings.md has what each costs. Spanish says "clave",
# Portuguese "PIN" and Turkish "vermeyin" for that: one accent or cedilla would more than halve what a segment takes.
# Greek would be in GSM-7 as capitals only, half of them Latin ones, which looks like a fraud.
TEXTS: Final = {
    "en": "{code} is your {brand} code. Never share it.",
    "de": "{code} ist Ihr Code für {brand}. Geben Sie ihn nie weiter.",
    "fr": "{code} est votre code {brand}. Ne le partagez jamais.",
    "es": "{code} es su clave de {brand}. No la comparta nunca.",
    "it": "{code} è il suo codice {brand}. Non lo condivida mai.",
    "pt": "{code} é o seu PIN de {brand}. Nunca o partilhe.",
    "nl": "{code} is uw code voor {brand}. Deel hem nooit.",
    "pl": "{code} to kod {brand}. Nikomu go nie podawaj.",
    "tr": "{code} {brand} kodunuz. Kimseye vermeyin.",
    "el": "{code}: κωδικός {brand}. Μην τον δίνετε.",
    "ru": "{code} — код {brand}. Никому не сообщайте.",
    "ar": "{code} رمز {brand}. لا تشاركه مع أحد.",
    "hi": "{code} {brand} का कोड है। किसी को न बताएं।",
    "zh": "{code} 是您的{brand}验证码，请勿告诉他人。",
    "ja": "{code} は{brand}の認証コードです。他人に教えないでください。",
}
_LANGUAGES: Final = tuple(TEXTS)
_FALLBACK: Final = "en"

# 3GPP TS 23.038, section 6.2.1: the basic alphabet, and the extension whose characters take two places.
_GSM7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_GSM7_ALL: Final = _GSM7 | _GSM7_EXTENSION
_GSM7_SINGLE, _GSM7_PART = 160, 153  # septets; a part gives 7 to its header (3GPP TS 23.040, section 9.2.3.24.1)
_UCS2_SINGLE, _UCS2_PART = 70, 67  # UTF-16 code units


class Message(Struct, frozen=True, kw_only=True):
    """A rendered message. Its text holds the code and never shows in a `repr`."""

    text: str
    segments: int

    def __repr__(self) -> str:
        return f"Message({self.segments} segments)"


def render(code: str, caller: CallerSettings, locale: str, *, source: str | None = None) -> Message:
    """Render the message of a caller in the nearest language there is a text for, else in English.

    With a domain the last line is `@domain #code` (WebOTP, "Origin-bound one-time codes delivered via SMS");
    with an Android hash the last line is the hash (SMS Retriever API), which excludes the former.
    Raises InvalidMessage when the caller's own template cannot be rendered.
    """
    try:
        body = template(caller, locale).format(code=code, brand=caller.brand)
    except (KeyError, IndexError, ValueError):
        raise InvalidMessage(DeadReason.UNRENDERABLE, "the caller's template cannot be filled", source=source) from None
    text = body + last_line(code, caller)
    return Message(text=text, segments=segments(text))


def outside(text: str) -> list[str]:
    """Give the signs of a text that are not in GSM-7, each once: one of them is enough for UCS-2."""
    return sorted(set(text) - _GSM7_ALL)


def segments(text: str) -> int:
    """Count the SMS segments of a text."""
    used = set(text)
    if used <= _GSM7_ALL:
        double = used & _GSM7_EXTENSION
        septets = len(text) + sum(text.count(character) for character in double) if double else len(text)
        return 1 if septets <= _GSM7_SINGLE else math.ceil(septets / _GSM7_PART)
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= _UCS2_SINGLE else math.ceil(units / _UCS2_PART)


def template(caller: CallerSettings, locale: str) -> str:
    """Give the caller's own text before one of ours, in the nearest language that the caller allows."""
    if caller.locales:
        locale = nearest(locale, caller.locales) or caller.locales[0]
    for wanted in (locale, _FALLBACK):
        if own := nearest(wanted, tuple(caller.templates)):
            return caller.templates[own]
        if known := nearest(wanted, _LANGUAGES):
            return TEXTS[known]
    return TEXTS[_FALLBACK]


def last_line(code: str, caller: CallerSettings) -> str:
    """Give what makes phones fill in the code by themselves, with the line break before it."""
    if caller.android_hash:
        return f"\n{caller.android_hash}"
    # A browser reads up to the next blank.
    return f"\n\n@{caller.domain} #{bare(code)}" if caller.domain else ""

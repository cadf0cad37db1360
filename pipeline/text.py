"""Render the message; GSM-7 or UCS-2; segments; autofill line."""

import math
from typing import Final

from msgspec import Struct

from pipeline.codes import bare
from pipeline.errors import DeadReason, InvalidMessage
from pipeline.settings import CallerSettings

# One sentence a language, all within GSM-7 where the language allows it, so that a code stays one segment.
TEXTS: Final = {
    "en": "{code} is your {brand} code. Never share it.",
    "de": "{code} ist Ihr Code für {brand}. Geben Sie ihn nie weiter.",
    "fr": "{code} est votre code {brand}. Ne le partagez jamais.",
    "es": "{code} es su código de {brand}. No lo comparta nunca.",
    "it": "{code} è il suo codice {brand}. Non lo condivida mai.",
    "pt": "{code} é o seu código {brand}. Nunca o partilhe.",
    "nl": "{code} is uw code voor {brand}. Deel hem nooit.",
    "pl": "{code} to kod {brand}. Nikomu go nie podawaj.",
    "tr": "{code} {brand} kodunuz. Kimseyle paylaşmayın.",
    "el": "{code} είναι ο κωδικός σας για {brand}. Μην τον δώσετε σε κανέναν.",
    "ru": "{code} — ваш код {brand}. Никому его не сообщайте.",
    "ar": "{code} هو رمز {brand} الخاص بك. لا تشاركه مع أحد.",
    "hi": "{code} आपका {brand} कोड है। इसे किसी को न बताएं।",
    "zh": "{code} 是您的{brand}验证码，请勿告诉他人。",
    "ja": "{code} は{brand}の認証コードです。他人に教えないでください。",
}

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
    template = _template(caller, locale)
    try:
        body = template.format(code=code, brand=caller.brand)
    except (KeyError, IndexError, ValueError):
        raise InvalidMessage(DeadReason.UNRENDERABLE, "the caller's template cannot be filled", source=source) from None
    text = body + _last_line(code, caller)
    return Message(text=text, segments=segments(text))


def segments(text: str) -> int:
    """Count the SMS segments of a text."""
    used = set(text)
    if used <= _GSM7_ALL:
        double = used & _GSM7_EXTENSION
        septets = len(text) + sum(text.count(character) for character in double) if double else len(text)
        return 1 if septets <= _GSM7_SINGLE else math.ceil(septets / _GSM7_PART)
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= _UCS2_SINGLE else math.ceil(units / _UCS2_PART)


def _template(caller: CallerSettings, locale: str) -> str:
    wanted = locale.replace("_", "-")
    for name in (wanted, wanted.split("-")[0].lower(), *caller.locales[:1]):
        text = caller.templates.get(name) or TEXTS.get(name)
        if text and (not caller.locales or name in caller.locales):
            return text
    return TEXTS["en"]


def _last_line(code: str, caller: CallerSettings) -> str:
    if caller.android_hash:
        return f"\n{caller.android_hash}"
    # A browser reads up to the next blank.
    return f"\n\n@{caller.domain} #{bare(code)}" if caller.domain else ""

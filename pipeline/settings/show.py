"""Settings as people and records may see them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from pipeline.settings.kinds import Secret
from pipeline.settings.model import CallerSettings, Settings
from pipeline.settings.problems import Path, dotted
from pipeline.settings.tree import leaves

_HASH_DIGITS: Final = 12
_OF_A_TEXT: Final = ("brand", "domain", "android_hash", "locales", "templates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting. A secret shows as its reference, test numbers as their count."""

    key: str
    value: Any
    origin: str  # "default", "development default", file and line, or the variable


def redacted(settings: Settings) -> tuple[Shown, ...]:
    """Give every setting with its value and its source."""
    return tuple(
        Shown(key=key, value=_visible(path, value), origin=settings.origins.get(key, "default"))
        for path, value in leaves(settings)
        for key in [dotted(path)]
    )


def config_hash(settings: Settings) -> str:
    """Give 12 hexadecimal digits that name what decides how a message looks and where it goes. No secret is in it."""
    otp = {path[-1]: value for path, value in leaves(settings.otp) if path != ("test_numbers",)}
    providers = {dotted(path): value for path, value in leaves(settings.providers) if not isinstance(value, Secret)}
    texts = {name: _texts(caller) for name, caller in settings.callers.items()}
    whole = {"otp": otp, "providers": providers, "routes": settings.routes, "texts": texts}
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_HASH_DIGITS]


def _texts(caller: CallerSettings) -> Mapping[str, Any]:
    return {name: getattr(caller, name) for name in _OF_A_TEXT}


def _visible(path: Path, value: object) -> object:
    if isinstance(value, Secret):
        return value.reference
    return f"{len(value)} numbers" if path[-1] == "test_numbers" and isinstance(value, tuple) else value

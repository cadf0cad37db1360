"""Key rings, the auth services that may ask for codes, and the operators who may look and act."""

from collections.abc import Iterator
from typing import Final

from pipeline.settings.kinds import Secret
from pipeline.settings.model import CallerSettings, Settings
from pipeline.settings.problems import Path, Problem

LEAST_KEY: Final = 16  # bytes of an operator's key: NIST SP 800-63B-4, 3.1.1, has 15 characters for a sole factor
_RINGS: Final = ("codes", "numbers", "tokens")


def audit_rings(settings: Settings) -> Iterator[Problem]:
    """Check that there are keys to derive codes, to hash numbers and to sign callback tokens."""
    for name in _RINGS:
        path, ring = ("keys", name), getattr(settings.keys, name)
        if not ring:
            text = f'is missing; write a key ring, such as [keys.{name}] with k1 = "file:/run/secrets/{name}"'
            yield Problem(path=path, text=text)
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
        yield from _audit_keys(path, caller)
        if caller.api_key and (owner := owners.setdefault(caller.api_key, name)) != name:
            yield Problem(path=(*path, "api_key"), text=f"is the same as that of caller {owner}; give each its own")


def audit_operators(settings: Settings) -> Iterator[Problem]:
    """Check every operator: keys that cannot be guessed, and none that two share."""
    owners: dict[Secret, str] = {}
    for name, operator in settings.operators.items():
        path = ("operators", name)
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

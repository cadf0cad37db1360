"""What a caller writes on Kafka: requests, and reports of entered codes. What would be refused is found here."""

import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from ithaca_otp.direct.seal import Sealer
from ithaca_otp.errors import Invalid, ProblemType

LONGEST_LIFE_S: Final = 600  # of a code: NIST SP 800-63B-4 and OWASP ASVS 5.0 allow 10 minutes
MOST_RESENDS: Final = 1000
LONGEST_LOCALE: Final = 35  # RFC 5646, section 4.4.1
_ID_BYTES: Final = 16
_OWN_LENGTH: Final = range(6, 11)  # letters and digits of a code

# Field -> pattern, and in words what it must be. The patterns are those of the AsyncAPI document.
PATTERNS: Final = {
    "request_id": (r"^[A-Za-z0-9_-]{16,64}$", "is not 16 to 64 letters, digits, underscores or hyphens"),
    "caller": (
        r"^[a-z0-9][a-z0-9-]{0,62}$",
        "is not 1 to 63 small letters, digits or hyphens that begin with no hyphen",
    ),
    "purpose": (r"^[A-Za-z0-9_.-]{1,64}$", "is not 1 to 64 letters, digits, dots, hyphens or underscores"),
    "locale": (r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$", "is not a BCP 47 tag, such as en or pt-BR"),
}
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164
_OWN: Final = re.compile(r"[0-9A-Za-z]+([ -][0-9A-Za-z]+)*")
_PARTING: Final = re.compile("[ -]")
_DIGIT: Final = re.compile("[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request on Kafka. Keep it as long as the code lives: resends need it, and `request_id` names it over HTTP."""

    request_id: str
    caller: str
    to: str = field(repr=False)  # sealed
    purpose: str
    locale: str
    issued_at: datetime
    expires_at: datetime
    code: str | None = field(default=None, repr=False)  # the caller's own, sealed
    resend: int = 0  # how often the person has asked again

    def to_json(self) -> bytes:
        """Give it as it goes on the topic, and as a store can keep it: number and code are sealed in it."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(told | {"v": 1}, default=datetime.isoformat).encode()

    @classmethod
    def from_json(cls, value: bytes | str) -> Self:
        """Read what `to_json` gave. Raises ValueError, KeyError and TypeError for anything else."""
        told = json.loads(value)
        del told["v"]
        times = {name: datetime.fromisoformat(told[name]) for name in ("issued_at", "expires_at")}
        return cls(**told | times)


def new_id() -> str:
    """Give 16 random bytes as a request id: base64url, not beginning with a hyphen, which command lines read."""
    text = secrets.token_urlsafe(_ID_BYTES)
    return f"_{text[1:]}" if text.startswith("-") else text


def request(
    sealer: Sealer,
    *,
    request_id: str,
    caller: str,
    to: str,
    purpose: str,
    locale: str,
    ttl_s: int,
    code: str | None,
    issued_at: datetime,
) -> Request:
    """Make a request. Raises Invalid for what would be refused."""
    check("request_id", request_id)
    check("purpose", purpose)
    check("locale", locale, LONGEST_LOCALE)
    if not _E164.fullmatch(to):
        raise invalid("to", "is not E.164: a plus and 7 to 15 digits, such as +447700900123")
    if code is not None and not is_code(code):
        raise invalid(
            "code", "is not 6 to 10 letters and digits with a digit among them, in groups by single blanks or hyphens"
        )
    if not 1 <= ttl_s <= LONGEST_LIFE_S:
        raise invalid("ttl_s", f"is {ttl_s}; a code may live 1 to {LONGEST_LIFE_S} s")
    return Request(
        request_id=request_id,
        caller=caller,
        to=sealer.seal(to, request_id),
        purpose=purpose,
        locale=locale,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=ttl_s),
        code=None if code is None else sealer.seal(code, request_id),
    )


def report(request: Request, at: datetime) -> bytes:
    """Give the record that says that the caller's own code of a request was entered."""
    told: dict[str, Any] = {"v": 1, "request_id": request.request_id, "caller": request.caller}
    return json.dumps(told | {"verdict": "verified", "at": at.isoformat()}).encode()


def is_code(text: str) -> bool:
    """Tell whether a text looks like a code: it goes out under the caller's brand, and may be no sentence."""
    length = len(_PARTING.sub("", text))
    return bool(_OWN.fullmatch(text)) and length in _OWN_LENGTH and bool(_DIGIT.search(text))


def check(name: str, value: str, longest: int | None = None) -> None:
    """Check a field by its pattern. Raises Invalid."""
    pattern, fault = PATTERNS[name]
    if not re.fullmatch(pattern, value) or "\n" in value or (longest is not None and len(value) > longest):
        raise invalid(name, fault)


def invalid(name: str, fault: str) -> Invalid:
    """Say what is wrong with a field, and not what is in it."""
    return Invalid(f"`{name}` {fault}", type=ProblemType.INVALID_FIELD, field=name)

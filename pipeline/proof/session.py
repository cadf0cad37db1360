"""Who has logged in: a session that no server has to remember, and a token that no other site can know.

`name.expires.mac`, signed with a key of ours and bound to the operator's own: it ends when that is changed.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.proof.mac import hmac_sha256
from pipeline.settings import OperatorSettings, Secret

LIFE: Final = timedelta(hours=12)  # a shift: OWASP ASVS 5.0, 7.3.2 wants an end whatever the activity
_FIELDS: Final = 3


class Operator(Struct, frozen=True, kw_only=True):
    """Someone who is known."""

    name: str
    may_act: bool


def who(key: bytes, operators: Mapping[str, OperatorSettings]) -> Operator | None:
    """Give the operator whose key this is. All keys are compared, whichever it is."""
    found = None
    for name, operator in operators.items():
        if hmac.compare_digest(key, operator.key.reveal()):
            found = _operator(name, operator)
    return found


def issue(name: str, operators: Mapping[str, OperatorSettings], key: Secret, now: datetime) -> str:
    """Begin a session of an operator."""
    body = f"{name}.{int((now + LIFE).timestamp())}"
    return f"{body}.{_mac(body, operators[name], key)}"


def read(session: str, operators: Mapping[str, OperatorSettings], key: Secret, now: datetime) -> Operator | None:
    """Give the operator of a session; none when it is forged or over, or the operator is gone or has another key."""
    fields = session.split(".")
    operator = operators.get(fields[0])
    if len(fields) != _FIELDS or operator is None:
        return None
    if not hmac.compare_digest(
        _mac(f"{fields[0]}.{fields[1]}", operator, key).encode(), fields[2].encode(errors="replace")
    ):
        return None
    return _operator(fields[0], operator) if now.timestamp() < int(fields[1]) else None


def csrf_token(session: str, key: Secret) -> str:
    """Give the token that a page of ours sends along with every action of this session."""
    return hmac_sha256(key, b"csrf\0" + session.encode(errors="replace")).hex()


def _operator(name: str, operator: OperatorSettings) -> Operator:
    return Operator(name=name, may_act=operator.role == "operator")


def _mac(body: str, operator: OperatorSettings, key: Secret) -> str:
    own = hmac_sha256(operator.key, b"session")
    return hmac_sha256(key, b"session\0" + own + body.encode(errors="replace")).hex()

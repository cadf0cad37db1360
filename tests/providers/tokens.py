"""Tokens of our callback URLs, signed as the dispatcher signs them."""

from datetime import datetime
from typing import Any, Final

from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.settings import Secret

PUBLIC_URL: Final = "https://ours.test"
KEYS: Final = {"t1": Secret(b"t" * 32)}


def a_token(sent_at: datetime, *, key: Secret = KEYS["t1"], **changes: Any) -> str:
    """Give the token of a message that was sent then: the one of the tests, but for what is changed."""
    fields: dict[str, Any] = {
        "request_id": "request-0123456789",
        "number": 1,
        "provider": "one",
        "country": "DE",
        "config": "0123abcd",
    }
    return issue(CallbackToken(sent_at=sent_at, **(fields | changes)), {"t1": key})

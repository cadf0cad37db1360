"""What an HTTP answer means when the provider's own words do not tell: pure, for every adapter."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from pipeline.errors import (
    AcceptanceUnknown,
    Malformed,
    Misconfigured,
    ProviderError,
    Throttled,
    Unavailable,
)
from providers.seam import Accepted

RETRY_AFTER_LIMIT_S: Final = 300.0  # the default life of a code: a longer wait is of no use to anybody
MAX_WORD_LENGTH: Final = 64
MAX_ID_LENGTH: Final = 128  # the longest documented message id has 64

_MISCONFIGURED: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
)
# The provider says itself that it did not do it: a 500 is its own failure and a 503 its own refusal, a 408 means
# that the request did not arrive whole. Another route at once costs at worst one segment with the same code.
# 502, 504 and the rest of the 5xx come from something in front of it, which cannot know what happened behind.
_NOT_TAKEN: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE}
)


def refusal(status: int, headers: Mapping[str, str]) -> ProviderError:
    """Give the error that a status other than 2xx stands for."""
    code = f"http_{status}"
    if status in _MISCONFIGURED:
        return Misconfigured(code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(code, retry_after_s=retry_after_s(headers))
    if status in _NOT_TAKEN or 300 <= status < 400:  # noqa: PLR2004 - the class of redirects, which are not followed
        return Unavailable(code, retry_after_s=retry_after_s(headers))
    if 400 <= status < 500:  # noqa: PLR2004 - the class of errors of the caller's
        return Malformed(code)
    return AcceptanceUnknown(code)


def known(
    refusals: Mapping[str, type[ProviderError]], word: object, status: int, headers: Mapping[str, str]
) -> ProviderError | None:
    """Give the error that a provider's own word stands for. None: look it up by the status.

    A word beside a 5xx says nothing: what answers then is often something in front of the provider.
    """
    if not isinstance(word, str) or word not in refusals or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    kind = refusals[word]
    return kind(word, retry_after_s=retry_after_s(headers) if issubclass(kind, Throttled) else None)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Give the wait of `Retry-After` (RFC 9110, 10.2.3), at most 300 s; none where it says nothing usable.

    An HTTP-date counts from the answer's own `Date`, so no clock of ours is part of it.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_LIMIT_S)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):  # not a date, or one with and one without a time zone
        return None
    return min(max(wait.total_seconds(), 0.0), RETRY_AFTER_LIMIT_S)


def read_object(body: bytes) -> dict[str, Any]:
    """Give the JSON object in a body, or an empty one where there is none: the caller then finds no id in it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Give the objects in a JSON list, and none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def inner(value: object, name: str) -> dict[str, Any]:
    """Give the object under a name, or the first in the list there; an empty one where there is none."""
    inside = value.get(name) if isinstance(value, dict) else None
    if isinstance(inside, list):
        inside = inside[0] if inside else None
    return inside if isinstance(inside, dict) else {}


def short(value: object) -> str | None:
    """Give a provider's word or number as text of at most 64 characters that can be shown; none where it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return "".join(one if one.isprintable() else "?" for one in str(value)[:MAX_WORD_LENGTH])


def accepted(message_id: object) -> Accepted:
    """Take the id of a 2xx answer. Raises AcceptanceUnknown where it is none: without it nothing was promised."""
    if isinstance(message_id, str) and 0 < len(message_id) <= MAX_ID_LENGTH and message_id.isprintable():
        return Accepted(message_id=message_id)
    raise AcceptanceUnknown("no_id")

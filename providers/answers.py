"""What an HTTP answer means when the provider's own words do not tell: pure, for every adapter."""

import json
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from pipeline.errors import AcceptanceUnknown, Misconfigured, ProviderError, Refused, Throttled, Unavailable
from providers.seam import Accepted

RETRY_AFTER_LIMIT_S: Final = 300.0  # the default life of a code: a longer wait is of no use to anybody
RETRY_AFTER_LEAST_S: Final = 1.0  # up to that a wait says no more than the answer itself: it is as if absent
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
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_BETWEEN: Final = re.compile(r"[_.:-]")
_NUMBER: Final = re.compile(r"[0-9]{6}")  # the least that a phone number or a one-time code has


def refused(
    refusals: Mapping[str, type[ProviderError]],
    words: Iterable[object],
    status: int,
    headers: Mapping[str, str],
    blame: type[ProviderError] | None = None,
) -> ProviderError:
    """Give the error of an answer that refuses: by its words, by the field that it blames, else by its status.

    A word that is listed as `Refused` says only that something is wrong: then the field tells what. One that is not
    listed may mean anything: it never ends a code, and beside it a field counts only where it is ours.
    Beside a 5xx no word says anything: what answers then is often something in front of the provider.
    """
    said = [word for word in words if isinstance(word, str) and word]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return refusal(status, headers)
    listed = sorted((word for word in said if word in refusals), key=lambda word: _rank(refusals[word]))
    if listed and refusals[listed[0]] is not Refused:
        return _error(refusals[listed[0]], listed[0], headers)
    if listed:
        return (blame or Refused)(listed[0])
    error = refusal(status, headers, *said)
    if blame and type(error) is Refused and (not said or issubclass(blame, Misconfigured)):
        return blame(error.code)
    return error


def refusal(status: int, headers: Mapping[str, str], *words: str) -> ProviderError:
    """Give the error that a status stands for, or that of a success whose body refuses.

    Of the words that nobody here knows the first one that can be neither a number nor a code is kept.
    """
    kind = _kind(status)
    mine = kind is Refused or status in _MISCONFIGURED  # the provider's own answer, and no gateway's
    return _error(kind, next(filter(_is_word, words if mine else ()), f"http_{status}"), headers)


def _kind(status: int) -> type[ProviderError]:
    if status in _MISCONFIGURED:
        return Misconfigured
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled
    if status in _NOT_TAKEN or 300 <= status < 400:  # noqa: PLR2004 - the class of redirects, which are not followed
        return Unavailable
    return Refused if status < HTTPStatus.INTERNAL_SERVER_ERROR else AcceptanceUnknown


def _rank(kind: type[ProviderError]) -> int:
    """Of several words those about us go first, as with fields, and last those that say nothing."""
    return 0 if issubclass(kind, Misconfigured) else 2 if kind is Refused else 1


def _error(kind: type[ProviderError], word: str, headers: Mapping[str, str]) -> ProviderError:
    waits = issubclass(kind, Throttled | Unavailable)
    return kind(word, retry_after_s=retry_after_s(headers) if waits else None)


def _is_word(text: str) -> bool:
    """Tell a provider's word from a sentence, and from what may be a number or a code, however it is written."""
    return _WORD.fullmatch(text) is not None and not _NUMBER.search(_BETWEEN.sub("", text))


def is_success(status: int) -> bool:
    """Tell whether a status is a 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Give the wait of `Retry-After` (RFC 9110, 10.2.3), at most 300 s; none where it says nothing usable.

    An HTTP-date counts from the answer's own `Date`, so no clock of ours is part of it. A wait of up to a second, and
    one that is over, are none.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        wait_s = float(value)
    else:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, TypeError, OverflowError):  # not a date, or one with and one without a time zone
            return None
        wait_s = wait.total_seconds()
    return min(wait_s, RETRY_AFTER_LIMIT_S) if wait_s > RETRY_AFTER_LEAST_S else None


def read_object(body: bytes) -> dict[str, Any]:
    """Give the JSON object in a body, or an empty one where there is none: the caller then finds nothing in it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def read_answer(body: bytes) -> dict[str, Any]:
    """Give the JSON object in an answer, of which nothing is signed, or an empty one: no id is found in it then.

    A flaw somewhere takes nothing from the rest: a byte order mark, a NUL at the end, a NaN, a line break within a
    text, a letter that is not UTF-8 (it reads as U+FFFD).
    """
    return read_object(body) or read_object(_mended(body))


def read_text(body: bytes) -> str:
    """Give an answer as text, without what may stand around it: a byte order mark, blanks, a NUL at the end.

    A letter that is not UTF-8 reads as U+FFFD, which is in no id.
    """
    return body.decode("utf-8-sig", errors="replace").strip("\0\t\n\r ")


def _mended(body: bytes) -> bytes:
    try:
        document = json.loads(read_text(body), strict=False, parse_constant=str)
        return json.dumps(document, ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        return b""


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
    """Take the id of a 2xx answer that refuses nothing.

    Raises AcceptanceUnknown where it is none: such an answer cannot be read, and what it promised is not known.
    """
    if isinstance(message_id, str) and 0 < len(message_id) <= MAX_ID_LENGTH and _is_whole(message_id):
        return Accepted(message_id=message_id)
    raise AcceptanceUnknown("no_id")


def _is_whole(message_id: str) -> bool:
    return message_id.isprintable() and "\N{REPLACEMENT CHARACTER}" not in message_id

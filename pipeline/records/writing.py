"""Records as people write them: what other languages make of nothing, of an instant and of a whole number.

Asked only for what is not as the schema says. Nothing is guessed: an instant without an offset may be anybody's local
time, and is refused.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, get_args

import msgspec

from pipeline.records.fields import Count, Instant

# RFC 3339 with what is usual beside it: no seconds (Java's OffsetDateTime, when they are zero), a comma, a blank before
# the offset, an offset without minutes, and the zone's name behind it (Java's ZonedDateTime).
_WRITTEN: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?"
    r"(?: ?(?:([Zz]|UTC|GMT)|([+-]\d\d):?(\d\d)?))?(?:\[[\w/+-]{1,64}\])?",
    re.ASCII,
)
_WHOLE: Final = re.compile(r"\d{1,4}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS: Final = range(10**9, 10**11)  # since 1970: the years 2001 to 5138, of which none is the other's
_MILLISECONDS: Final = range(10**12, 10**14)
_NO_OFFSET: Final = "Expected an offset from UTC: Z, or one such as +01:00"


def as_written(kind: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a record as the schema wants them, as far as it is certain what is meant.

    Raises msgspec.ValidationError for an instant that has no offset.
    """
    instants, counts, optional = _fields(kind)  # type: ignore[arg-type]  # mypy does not know that a class is hashable
    written = {name: value for name, value in document.items() if value is not None or name not in optional}
    for name in instants & written.keys():
        written[name] = _instant(written[name], name)
    for name in counts & written.keys():
        written[name] = _count(written[name])
    return written


@cache  # a caller that writes otherwise writes all of its records so
def _fields(kind: type[Any]) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Name the instants, the counts, and what may be left out."""
    fields = msgspec.structs.fields(kind)
    return (
        frozenset(field.name for field in fields if Instant in {field.type, *get_args(field.type)}),
        frozenset(field.name for field in fields if field.type == Count),
        frozenset(field.name for field in fields if not field.required),
    )


def _instant(value: object, name: str) -> object:
    if isinstance(value, str) and (found := _WRITTEN.fullmatch(value)):
        return _rfc3339(found, name)
    if isinstance(value, int | float) and int(value) in _SECONDS:
        return (_EPOCH + timedelta(seconds=value)).isoformat()
    if isinstance(value, int) and value in _MILLISECONDS:
        return (_EPOCH + timedelta(milliseconds=value)).isoformat()
    return value


def _rfc3339(found: re.Match[str], name: str) -> str:
    date, minute, second, fraction, utc, hours, minutes = found.groups()
    if not utc and not hours:
        raise msgspec.ValidationError(f"{_NO_OFFSET} - at `$.{name}`")
    offset = "Z" if utc else f"{hours}:{minutes or '00'}"
    return f"{date}T{minute}{second or ':00'}{'.' + fraction if fraction else ''}{offset}"


def _count(value: object) -> object:
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value

"""An order as it comes from a form, an HTTP body or the command line: checked field by field."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.orders.wanted import Refused, Wanted
from pipeline.records import OrderKind
from pipeline.settings.countries import EVERYWHERE
from pipeline.settings.problems import meant

FIELDS: Final = ("kind", "provider", "country", "partition", "reason", "for", "expires_at", "force")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_AUTHOR: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def asked(document: Mapping[str, object], author: str, now: datetime) -> Wanted | Refused:
    """Read what somebody asks for: the fields of FIELDS, all of them text but `force`.

    `for` is a duration such as 30m, `expires_at` an instant (RFC 3339); one of the two is needed.
    """
    for name, value in document.items():
        if name not in FIELDS:
            return Refused(field="body", text=f"has a field that is not known; {meant(name, FIELDS)}")
        if not isinstance(value, bool if name == "force" else str) and value is not None:
            return Refused(field=name, text=f"is no {'true or false' if name == 'force' else 'text'}")
    given = {name: value for name, value in document.items() if value not in {None, ""}}
    kind = str(given.get("kind", ""))
    if kind not in set(OrderKind):
        return Refused(field="kind", text=f"is missing or not known; {meant(kind, list(OrderKind))}")
    if not _AUTHOR.fullmatch(author):
        return Refused(field="author", text="is no name of 1 to 64 letters, digits, dots and dashes")
    until = _until(given, now)
    if isinstance(until, Refused):
        return until
    return Wanted(
        kind=OrderKind(kind),
        provider=_text(given, "provider"),
        country=_text(given, "country") or EVERYWHERE,
        partition=_text(given, "partition"),
        reason=_text(given, "reason") or "",
        author=author,
        expires_at=until,
        force=bool(given.get("force")),
    )


def duration(text: str) -> timedelta | None:
    """Read a duration such as 90s, 30m, 2h or 7d."""
    found = _DURATION.fullmatch(text)
    return timedelta(seconds=int(found[1]) * UNITS[found[2]]) if found else None


def _until(given: Mapping[str, object], now: datetime) -> datetime | Refused:
    if "for" in given and "expires_at" in given:
        return Refused(field="expires_at", text="and `for` say the same; give one of them")
    if "for" in given:
        lasts = duration(str(given["for"]))
        usable = lasts is not None and lasts < timedelta(days=366)
        return (
            now + lasts if lasts and usable else Refused(field="for", text="is no duration; write 90s, 30m, 2h or 7d")
        )
    if "expires_at" not in given:
        return Refused(field="expires_at", text="is missing; give an instant, or a duration in `for`")
    try:
        until = datetime.fromisoformat(str(given["expires_at"]))
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        return Refused(field="expires_at", text="is no instant; write it as 2026-01-02T12:00:00Z")
    return until.astimezone(UTC)


def _text(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    return str(value).strip() or None if value is not None else None

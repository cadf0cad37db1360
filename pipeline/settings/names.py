"""The forms of names, hosts and addresses in settings."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pipeline.settings.problems import Path, Problem

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_COUNTRY: Final = re.compile(r"\*|001|[A-Z]{2}")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: at most 15 digits
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123, section 2.1
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_LONGEST_HOST: Final = 253


def audit_name(path: Path) -> Iterator[Problem]:
    """Check a name that a user chose: it becomes part of URLs, records, tokens and variables."""
    if not _NAME.fullmatch(path[-1]):
        yield Problem(path=path, text="is no usable name; write small letters, digits and dashes, at most 40")


def audit_country(path: Path) -> Iterator[Problem]:
    """Check the country that a route or a sender ID is for."""
    if path[-1] == "UK":
        yield Problem(path=path, text="is no country of ISO 3166-1; write GB")
    elif not _COUNTRY.fullmatch(path[-1]):
        yield Problem(path=path, text='is no country; write two capital letters such as GB, or "*" for all others')


def e164(text: str) -> bool:
    """Tell whether a text has the form of a phone number."""
    return bool(_E164.fullmatch(text))


def host_name(text: str) -> bool:
    """Tell whether a text is a host name or an IPv4 address, without a port."""
    return len(text) <= _LONGEST_HOST and bool(_HOST.fullmatch(text))


def loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_url(text: str) -> SplitResult | None:
    """Split an absolute URL, or give none when it is not one: line ends and blanks inside are no part of any."""
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        return None
    return parts if usable else None

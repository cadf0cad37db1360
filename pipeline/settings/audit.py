"""What must hold of settings beyond the type of each value."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Meta

from pipeline.settings.audit_callers import audit_callers, audit_operators, audit_rings
from pipeline.settings.audit_providers import audit_providers, audit_routes
from pipeline.settings.audit_servers import audit_http, audit_kafka, audit_state
from pipeline.settings.kinds import Name
from pipeline.settings.model import Settings
from pipeline.settings.needs import Needs
from pipeline.settings.problems import Path, Problem
from pipeline.settings.tree import kinds_along, leaves, name_of, said_of

CONNECT_S: Final = 3.2  # that connecting to a provider may take before the send
WATCHDOG_MARGIN_S: Final = 5.0  # beyond the longest a record may be in hand without progress


def audit(settings: Settings, adapters: Mapping[str, Needs]) -> Iterator[Problem]:
    """Find everything that is wrong; `adapters` are the known ones, with what they need."""
    yield from _audit_kinds(settings)
    yield from audit_kafka(settings)
    yield from audit_state(settings)
    yield from audit_http(settings)
    yield from _audit_otp(settings)
    yield from _audit_dispatch(settings)
    yield from audit_rings(settings)
    yield from audit_callers(settings)
    yield from audit_operators(settings)
    yield from audit_providers(settings, adapters)
    yield from audit_routes(settings)


def _audit_kinds(settings: Settings) -> Iterator[Problem]:
    """Check what types say beyond Python's own: the range of each number, and the names in tables."""
    named: dict[Path, Name] = {}
    for path, value in leaves(settings):
        *tables, (_, kind) = kinds_along(path)
        named |= {path[: len(table) + 1]: name for table, entries in tables if (name := name_of(entries))}
        allowed = said_of(kind, Meta)
        if allowed and value is not None and not allowed.ge <= value <= allowed.le:
            text = f"is {_amount(value)}; write {allowed.ge:g} to {allowed.le:g} ({allowed.description})"
            yield Problem(path=path, text=text)
    for path, name in named.items():
        yield from name.audit(path) if name.audit else ()


def _amount(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _audit_otp(settings: Settings) -> Iterator[Problem]:
    if settings.otp.plain_numbers and settings.environment == "production":
        text = "is true, refused in production; remove it and let producers seal numbers"
        yield Problem(path=("otp", "plain_numbers"), text=text)


def _audit_dispatch(settings: Settings) -> Iterator[Problem]:
    dispatch = settings.dispatch
    least_lease_s = dispatch.send_timeout_s + CONNECT_S
    if dispatch.lease_s < least_lease_s:
        text = f"is {dispatch.lease_s:g} s, shorter than a hand-over may take; write at least {least_lease_s:g}"
        yield Problem(path=("dispatch", "lease_s"), text=text)
    least_watchdog_s = dispatch.lease_s + WATCHDOG_MARGIN_S
    if dispatch.watchdog_s < least_watchdog_s:
        text = f"is {dispatch.watchdog_s:g} s, which one slow hand-over may take; write at least {least_watchdog_s:g}"
        yield Problem(path=("dispatch", "watchdog_s"), text=text)

"""What a record of attempts, receipts or verifications says about routes, or why it says nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.errors import DeadReason, InvalidMessage, Outcome
from pipeline.evidence.routes import AHEAD_S, WINDOW_S
from pipeline.records import Attempt, Counts, Receipt, ReceiptState, Verdict, Verification, decode
from pipeline.records.topics import ATTEMPTS, RECEIPTS, VERIFICATIONS

LONGEST_CONFIG: Final = 64  # characters

Key = tuple[int, str, str, str]  # send second, provider, country, configuration
Value = bytes | None


class Ignored(StrEnum):
    """Why a record counts for nothing, or for less than it says. A closed list: figures are made of it."""

    UNDECODABLE = "undecodable"
    UNKNOWN_VERSION = "unknown_version"
    FUTURE = "future"  # sent after it was written, by more than clocks differ
    OLD = "old"  # sent so long before that nothing is decided by it
    UNKNOWN_PROVIDER = "unknown_provider"  # not in the settings
    TEST = "test"  # nothing was sent
    NO_ROUTE = "no_route"  # it is not known which message arrived
    SILENT = "silent"  # it says nothing about the provider


class Change(NamedTuple):
    """What one record adds to one cell: one to each of these fields of Counts."""

    key: Key
    fields: tuple[int, ...]


class Reading(NamedTuple):
    """What one record says. A record of two routes may say something of one and be ignored for the other."""

    changes: tuple[Change, ...] = ()
    ignored: Ignored | None = None


_FIELDS: Final = {name: index for index, name in enumerate(Counts.__struct_fields__)}
_OUTCOMES: Final[Mapping[Outcome, tuple[str, ...]]] = {
    Outcome.ACCEPTED: ("accepted",),
    Outcome.UNKNOWN: ("accepted",),  # it may have been taken, and its receipt tells
    Outcome.UNAVAILABLE: ("refused",),
    Outcome.REFUSED: ("refused",),  # other refusals count when somebody else takes the same: `refutes`
    Outcome.MISCONFIGURED: ("refused", "denied"),
}
_ALONE: Final = frozenset({"first", "failover"})  # triggers of an attempt before which no provider had the code
_REPLACED: Final = {"resend": "missed", "second_look": "rescued"}  # by the trigger of the attempt that replaces it
_STATES: Final = {
    ReceiptState.DELIVERED: "delivered",
    ReceiptState.UNDELIVERABLE: "failed",
    ReceiptState.EXPIRED: "failed",
    ReceiptState.REJECTED: "rejected",
}


def read(topic: str, value: Value, appended_at: float, providers: Collection[str]) -> Reading:
    """Tell what a record of attempts, receipts or verifications says; `appended_at` is its append by the broker."""
    try:
        found = list(_READERS[topic](value))
    except InvalidMessage as error:
        return Reading(ignored=_UNREADABLE.get(error.reason, Ignored.UNDECODABLE))
    checked = [_checked(item, appended_at, providers) for item in found]
    changes = tuple(item for item in checked if isinstance(item, Change))
    return Reading(changes, next((item for item in checked if isinstance(item, Ignored)), None))


def _of_attempt(value: Value) -> Iterator["Change | Ignored"]:
    attempt = decode(Attempt, value)
    if attempt.test:
        yield Ignored.TEST
        return
    names = _OUTCOMES.get(attempt.outcome, ())
    if names and attempt.trigger == "first":
        names = (*names, "first")
    if "accepted" in names and attempt.trigger in _ALONE:
        names = (*names, "creditable")
    yield _change(attempt.sent_at, attempt.provider, attempt.country, attempt.config, *names)
    replaced, name = attempt.replaces, _REPLACED.get(attempt.trigger)
    if replaced and name:
        yield _change(replaced.sent_at, replaced.provider, attempt.country, replaced.config, name)
    for refuted in attempt.refutes:
        first = ("first",) if refuted.number == 1 else ()
        yield _change(refuted.sent_at, refuted.provider, attempt.country, refuted.config, "refused", *first)


def _of_receipt(value: Value) -> Iterator["Change | Ignored"]:
    receipt = decode(Receipt, value)
    name = _STATES.get(receipt.state)
    yield _change(receipt.sent_at, receipt.provider, receipt.country, receipt.config, *filter(None, [name]))


def _of_verification(value: Value) -> Iterator["Change | Ignored"]:
    entry = decode(Verification, value)
    if entry.verdict is not Verdict.VERIFIED:
        yield Ignored.SILENT
    elif entry.provider is None or entry.country is None or entry.sent_at is None or entry.config is None:
        yield Ignored.NO_ROUTE
    else:
        yield _change(entry.sent_at, entry.provider, entry.country, entry.config, "verified")


_READERS: Final[Mapping[str, Callable[[Value], Iterator[Change | Ignored]]]] = {
    ATTEMPTS.name: _of_attempt,
    RECEIPTS.name: _of_receipt,
    VERIFICATIONS.name: _of_verification,
}
_UNREADABLE: Final = {DeadReason.UNKNOWN_VERSION: Ignored.UNKNOWN_VERSION}


def _change(sent_at: datetime, provider: str, country: str, config: str, *names: str) -> Change | Ignored:
    if not names:
        return Ignored.SILENT
    if len(config) > LONGEST_CONFIG:
        return Ignored.UNDECODABLE
    second = int(sent_at.timestamp())
    return Change((second, provider, country, config), tuple(_FIELDS[name] for name in names))


def _checked(item: Change | Ignored, appended_at: float, providers: Collection[str]) -> Change | Ignored:
    if isinstance(item, Ignored):
        return item
    second, provider, *_ = item.key
    if second > appended_at + AHEAD_S:
        return Ignored.FUTURE
    if second < appended_at - WINDOW_S:
        return Ignored.OLD
    return item if provider in providers else Ignored.UNKNOWN_PROVIDER

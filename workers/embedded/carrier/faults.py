"""Faults to order: their names, what can be said about each, and the order itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
import orjson

from pipeline.errors import PipelineError

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class UnknownOrder(PipelineError):
    """The order of faults cannot be followed; the text says what there is."""


class Fault(StrEnum):
    """Everything that a simulated carrier can do wrong."""

    # what becomes of a message that was taken
    SILENT_DROP = "silent_drop"  # nothing is delivered and nothing reported
    RECEIPTS_FAKED = "receipts_faked"  # DELIVERED is reported, nothing is delivered
    RECEIPTS_REJECTED = "receipts_rejected"  # REJECTED is reported with the word `error`, nothing is delivered
    # what becomes of its receipts
    RECEIPTS_LOST = "receipts_lost"
    RECEIPTS_LATE = "receipts_late"  # by `seconds`
    RECEIPTS_DOUBLED = "receipts_doubled"
    RECEIPTS_REORDERED = "receipts_reordered"  # an `enroute` follows the final state
    # what the request meets: the message is not taken
    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403
    THROTTLE = "throttle"  # 429, with `retry_after` where given
    SERVER_ERROR = "server_error"  # `status`
    REFUSE = "refuse"  # 422 with the word `error`
    NEW_WORD = "new_word"  # refused in words that nobody knows, in the `form`, or in each form in turn
    RESET_BEFORE = "reset_before"  # the connection is reset, the request was not looked at
    # what the request meets: the message is taken only where `taken` says so
    RESET_AFTER = "reset_after"  # the connection is reset instead of an answer
    HANG = "hang"  # no answer ever
    SLOW_BODY = "slow_body"  # one byte a second
    ENDLESS_BODY = "endless_body"
    GARBAGE = "garbage"  # 200 with a body of the `kind`, or of each kind in turn
    NO_ID = "no_id"  # 200 without an id
    # what the request meets: all well, but late
    SLOW = "slow"  # the answer takes `seconds` more


class Garbage(StrEnum):
    """Bodies that no client should believe."""

    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    LIST = "list"
    DEEP = "deep"
    HUGE = "huge"


class Form(StrEnum):
    """How a refusal may look that nobody has foreseen."""

    WORD = "word"  # 422 with a word
    GONE = "gone"  # 410 with a word
    PAGE = "page"  # 400 with an HTML page
    INSIDE = "inside"  # 200 with a word


RECEIPT_FAULTS: Final = (
    Fault.RECEIPTS_LOST,
    Fault.RECEIPTS_LATE,
    Fault.RECEIPTS_DOUBLED,
    Fault.RECEIPTS_REORDERED,
)
FATE_FAULTS: Final = (Fault.SILENT_DROP, Fault.RECEIPTS_FAKED, Fault.RECEIPTS_REJECTED)
ANSWER_FAULTS: Final = tuple(fault for fault in Fault if fault not in RECEIPT_FAULTS + FATE_FAULTS)
UNCERTAIN_FAULTS: Final = (
    Fault.RESET_AFTER,
    Fault.HANG,
    Fault.SLOW_BODY,
    Fault.ENDLESS_BODY,
    Fault.GARBAGE,
    Fault.NO_ID,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One ordered fault. `share` and `prefixes` go with every fault, the rest with those that use them."""

    share: Share = 1.0  # of the messages it applies to
    prefixes: tuple[str, ...] = ()  # of the E.164 number, such as "+49"; empty: all
    taken: bool = False
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 503
    retry_after: str | None = None  # as it stands in the header: seconds, HTTP-date or nonsense
    seconds: Seconds = 60.0
    kind: Garbage | None = None
    form: Form | None = None
    error: Annotated[str, msgspec.Meta(max_length=64)] = "invalid_number"


Orders = Mapping[Fault, Order]

_EVERYWHERE: Final = frozenset({"share", "prefixes"})
_OPTIONS: Final[Mapping[Fault, frozenset[str]]] = {
    Fault.RECEIPTS_LATE: frozenset({"seconds"}),
    Fault.THROTTLE: frozenset({"retry_after"}),
    Fault.SERVER_ERROR: frozenset({"status"}),
    Fault.REFUSE: frozenset({"error"}),
    Fault.RECEIPTS_REJECTED: frozenset({"error"}),
    Fault.NEW_WORD: frozenset({"form"}),
    Fault.SLOW: frozenset({"seconds"}),
    **dict.fromkeys(UNCERTAIN_FAULTS, frozenset({"taken"})),
    Fault.GARBAGE: frozenset({"taken", "kind"}),
}


def read_orders(body: bytes) -> Orders:
    """Read `{"<fault>": {"share": 0.3, "prefixes": ["+49"], ...}, ...}`. Raises UnknownOrder."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnknownOrder(f"not JSON: {error.msg}") from None
    if not isinstance(document, dict):
        raise UnknownOrder('not a JSON object of faults, such as {"silent_drop": {"share": 0.3}}')
    return {_fault(name): _order(_fault(name), options) for name, options in document.items()}


def show_orders(orders: Orders) -> dict[str, dict[str, Any]]:
    """Give the orders as they can be given again: only what goes with each fault."""
    return {fault.value: _show(fault, order) for fault, order in orders.items()}


def _show(fault: Fault, order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in sorted(options_of(fault))}


def options_of(fault: Fault) -> frozenset[str]:
    """Give the names of everything that can be said about this fault."""
    return _EVERYWHERE | _OPTIONS.get(fault, frozenset())


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise UnknownOrder(f"no fault of that name; there are: {', '.join(Fault)}") from None


def _order(fault: Fault, options: object) -> Order:
    if not isinstance(options, dict):
        raise UnknownOrder(f"{fault}: its options are not a JSON object; write {{}} for none")
    known = options_of(fault)
    if not options.keys() <= known:
        raise UnknownOrder(f"{fault}: an option that it does not have; there are: {', '.join(sorted(known))}")
    try:
        return msgspec.convert(options, Order)
    except msgspec.ValidationError as error:
        raise UnknownOrder(f"{fault}: {error}") from None

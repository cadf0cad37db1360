"""What becomes of one message: pure, and the same for the same message however many others are under way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist
from struct import Struct
from typing import Final

from workers.embedded.carrier.config import Behaviour
from workers.embedded.carrier.faults import (
    ANSWER_FAULTS,
    FATE_FAULTS,
    UNCERTAIN_FAULTS,
    Fault,
    Order,
    Orders,
)

_EIGHT: Final = Struct("<8Q")
_TO_UNIT: Final = (1 - 2**-53) / (1 << 64)  # so that the largest stays below 1
_INVERSE: Final = NormalDist().inv_cdf
_DELIVERY_SIGMA: Final = 0.5
_AGAIN_S: Final = 0.5  # between a receipt and its double, or the one that it overtook


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The body of `POST /v1/messages`, as far as it decides anything."""

    to: str
    text: str
    client_reference: str = ""
    callback_url: str | None = None
    validity_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One receipt to send."""

    after_s: float  # from the arrival of the request
    state: str  # the carrier's own word
    error: str | None = None  # why, in its own word


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Everything that is decided about one message, the moment it arrives."""

    latency_s: float
    answer: Fault | None  # the fault that the request meets; none: 201 with an id
    order: Order | None  # of that fault
    taken: bool
    drop: Fault | None  # what swallowed it; none where delivery failed by chance
    delivered_after_s: float | None  # none: it never reaches the handset
    reports: tuple[Report, ...]


def decide(message: Message, behaviour: Behaviour, orders: Orders, seed: bytes) -> Fate:
    """Decide from a hash of the message, `seed` (at most 64 bytes, one per carrier) and the faults in force."""
    key = f"{message.to}\0{message.client_reference}\0{message.text}".encode(errors="surrogatepass")
    latency, *draws = _draws(seed, key)
    latency_s = _log_normal(latency, behaviour.latency_median_s, behaviour.latency_sigma)
    met = {fault: order for fault, order in orders.items() if _hits(fault, order, message, seed, key)} if orders else {}
    answer = next((fault for fault in ANSWER_FAULTS if fault in met), None) if met else None
    order = met[answer] if answer else None
    taken = order is None or answer is Fault.SLOW or (answer in UNCERTAIN_FAULTS and order.taken)
    if answer is Fault.SLOW and order:
        latency_s += order.seconds
    delivered_after_s, reports = _outcome(message, behaviour, met, draws) if taken else (None, ())
    return Fate(
        latency_s=latency_s,
        answer=answer,
        order=order,
        taken=taken,
        drop=next((fault for fault in FATE_FAULTS if fault in met), None) if taken and met else None,
        delivered_after_s=delivered_after_s,
        reports=reports,
    )


def _outcome(
    message: Message, behaviour: Behaviour, met: Orders, draws: Sequence[float]
) -> tuple[float | None, tuple[Report, ...]]:
    arrival, delivery, receipt, unreported, *_ = draws
    if Fault.SILENT_DROP in met:
        return None, ()
    after_s = min(_log_normal(delivery, behaviour.delivery_median_s, _DELIVERY_SIGMA), behaviour.receipt_floor_s)
    report_s = behaviour.receipt_floor_s + _log_normal(receipt, behaviour.receipt_median_s, behaviour.receipt_sigma)
    if Fault.RECEIPTS_FAKED in met:
        return None, _reports("delivered", report_s, met)
    if rejected := met.get(Fault.RECEIPTS_REJECTED):
        return None, _reports("rejected", report_s, met, rejected.error)
    if arrival >= behaviour.delivery_share or after_s > message.validity_s:
        state = "undelivered" if arrival >= behaviour.delivery_share else "expired"
        return None, () if unreported < behaviour.unreported_failures else _reports(state, report_s, met)
    return after_s, () if unreported < behaviour.unreported_deliveries else _reports("delivered", report_s, met)


def _reports(state: str, after_s: float, met: Orders, error: str | None = None) -> tuple[Report, ...]:
    if Fault.RECEIPTS_LOST in met:
        return ()
    late = met.get(Fault.RECEIPTS_LATE)
    if late:
        after_s += late.seconds
    reports = [Report(after_s=after_s, state=state, error=error)]
    if Fault.RECEIPTS_DOUBLED in met:
        reports.append(Report(after_s=after_s + _AGAIN_S, state=state, error=error))
    if Fault.RECEIPTS_REORDERED in met:
        reports.append(Report(after_s=after_s + _AGAIN_S, state="enroute"))
    return tuple(reports)


def _hits(fault: Fault, order: Order, message: Message, seed: bytes, key: bytes) -> bool:
    if order.prefixes and not message.to.startswith(order.prefixes):
        return False
    return order.share >= 1 or _draws(seed, fault.encode() + b"\0" + key)[0] < order.share


def _draws(seed: bytes, key: bytes) -> tuple[float, ...]:
    """Eight numbers, evenly spread over [0, 1), that depend on nothing but seed and key."""
    return tuple([number * _TO_UNIT for number in _EIGHT.unpack(blake2b(key, key=seed).digest())])


def _log_normal(draw: float, median: float, sigma: float) -> float:
    return median * math.exp(sigma * _INVERSE(max(draw, 1e-12))) if sigma else median

"""Journals of callers and carriers -> what became of the codes in an outage. Nothing here is what the system says."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.drills.moves import DRAINED, Outage
from pipeline.reports.figures import Arrived, Asked
from workers.embedded.callers_journal import Entered

WINDOW_S: Final = 1.0  # of messages, to see a share in a journal: 20 at the usual rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One accepted request. Epoch seconds."""

    request_id: str
    country: str
    asked_at: float  # when its first message reached a carrier; when its caller was answered if none did
    expires_at: float
    messages: tuple[Arrived, ...]  # in the order of their attempts
    verified: bool  # within its life

    @property
    def arrived(self) -> bool:
        """Tell whether a message reached the handset within its life."""
        return any(one.delivered_at is not None and one.delivered_at <= self.expires_at for one in self.messages)

    def swallowed(self, outage: Outage) -> bool:
        """Tell whether its first message went to a broken carrier and was not delivered."""
        first = self.messages[0] if self.messages else None
        return first is not None and _is_swallowed(first, outage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What became of the codes."""

    requested: int  # since the onset
    swallowed: int  # of the first messages since the onset, by the broken carriers
    rescued: int  # of these: delivered by a later message
    undelivered: int  # of the requested ones: neither delivered nor verified within their life
    drained_seen_s: float | None  # until the carriers saw the broken one drained
    elsewhere_s: float | None  # from the first swallowed message to the next one of that code at another carrier


def codes(
    asked: Iterable[Asked], arrived: Iterable[Arrived], entered: Iterable[Entered], country_of: Mapping[str, str]
) -> list[Code]:
    """Put the rows of each accepted request together. `country_of` has the country of each hashed number."""
    messages: dict[str, list[Arrived]] = defaultdict(list)
    for one in arrived:
        messages[one.request_id].append(one)
    verified_at = {row.request_id: row.at for row in reversed(list(entered)) if row.verified}
    return [
        _code(row.request_id, row, messages[row.request_id], verified_at, country_of[row.number_hmac])
        for row in asked
        if row.answer == "accepted" and row.request_id is not None
    ]


def _code(request_id: str, row: Asked, messages: list[Arrived], verified_at: Mapping[str, float], country: str) -> Code:
    messages.sort(key=lambda one: (one.attempt, one.at))
    expires_at = row.expires_at or row.answered_at
    return Code(
        request_id=request_id,
        country=country,
        asked_at=messages[0].at if messages else row.answered_at,
        expires_at=expires_at,
        messages=tuple(messages),
        verified=request_id in verified_at and verified_at[request_id] <= expires_at,
    )


def onset(arrived: Iterable[Arrived], carriers: frozenset[str], ordered_at: float) -> float:
    """Give the instant of the first swallowed message; that of the order where none was."""
    swallowed = (one.at for one in arrived if one.carrier in carriers and one.decision != "delivered")
    return min((at for at in swallowed if at >= ordered_at), default=ordered_at)


def count(known: Sequence[Code], outage: Outage) -> Counted:
    """Count."""
    requested = [code for code in known if outage.onset_at <= code.asked_at]
    swallowed = [code for code in known if code.swallowed(outage)]
    return Counted(
        requested=len(requested),
        swallowed=len(swallowed),
        rescued=sum(code.arrived for code in swallowed),
        undelivered=sum(not (code.arrived or code.verified) for code in requested),
        drained_seen_s=_drained_seen_s(known, outage),
        elsewhere_s=_elsewhere_s(swallowed, outage),
    )


def _is_swallowed(message: Arrived, outage: Outage) -> bool:
    late_enough = message.at >= outage.onset_at
    return late_enough and message.carrier in outage.carriers and message.decision != "delivered"


def _drained_seen_s(known: Sequence[Code], outage: Outage) -> float | None:
    """Give the end of the first window in which under 20 % of the first messages went to the broken carriers."""
    firsts = sorted(
        (code.messages[0].at, code.messages[0].carrier in outage.carriers)
        for code in known
        if code.messages and code.country in outage.countries and code.messages[0].at >= outage.onset_at
    )
    for end, (at, _) in enumerate(firsts, start=1):
        start = bisect_right(firsts, (at - WINDOW_S, True))
        window = [theirs for _, theirs in firsts[start:end]]
        if outage.carriers and at - outage.onset_at >= WINDOW_S and sum(window) < DRAINED * len(window):
            return round(at - outage.onset_at, 3)
    return None


def _elsewhere_s(swallowed: Sequence[Code], outage: Outage) -> float | None:
    if not swallowed:
        return None
    first = min((code.messages for code in swallowed), key=lambda messages: messages[0].at)
    elsewhere = (one.at for one in first if one.carrier not in outage.carriers)
    return next((round(at - first[0].at, 3) for at in elsewhere), None)

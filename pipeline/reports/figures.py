"""Journals and topics -> the figures of the promise: lost, doubled, late, mixed up.

The journals are written outside the system under test: by the callers (what they were answered) and by the
carriers (what reached them), so the system cannot count in its own favour.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.errors import HANDED_OVER, DeadReason
from pipeline.records import Attempt, DeadLetter, Receipt, Verification

RULE_OF_THREE: Final = 3.0  # with none in n seen, the 95 % upper bound of the share is 3/n


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as its caller saw it."""

    request_id: str | None  # none: the caller never learnt it
    answer: str  # accepted, unknown (timeout or 503: it may have been taken) or refused
    answered_at: float  # epoch seconds
    expires_at: float | None
    number_hmac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One message as a carrier saw it."""

    request_id: str
    attempt: int
    at: float  # epoch seconds
    code_hmac: str | None
    number_hmac: str
    decision: str  # delivered, failed, dropped or refused
    carrier: str
    delivered_at: float | None  # epoch seconds; none: it never reaches the handset


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is counted."""

    asked: Sequence[Asked]
    arrived: Sequence[Arrived]
    verified: frozenset[str]  # request ids whose caller was told so
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]
    verifications: Sequence[Verification]
    dead: Sequence[DeadLetter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What became of the requests."""

    requested: int
    accepted: int  # answered 202
    unknown: int  # the answer did not come, or was 503
    handed_over: int  # accepted requests of which a carrier took at least one message
    delivered: int  # of which a carrier brought at least one to the handset
    verified: int
    dead: int  # with a dead letter, expired ones aside
    expired: int  # never handed over within their life, with a dead letter that says so
    lost: int  # accepted and gone: neither at a carrier nor a dead letter
    lost_upper_bound: float  # 95 % upper bound of the share of lost ones
    phantom: int  # at a carrier, but never asked for
    duplicates_excused: int  # the outcome of the first send was unknowable
    duplicates_unexcused: int
    late: int  # messages that reached a carrier after the code's life
    mixed: int  # requests of which two different codes were sent
    misrouted: int  # messages to another number than the caller's
    unterminated: int  # accepted requests of which the topics do not tell an end
    accept_to_handover_p50_ms: float | None
    accept_to_handover_p99_ms: float | None
    dead_reasons: Mapping[str, int] = field(default_factory=dict)


def count(evidence: Evidence) -> Figures:
    """Count."""
    accepted = {row.request_id: row for row in evidence.asked if row.answer == "accepted" and row.request_id}
    taken = [row for row in evidence.arrived if row.decision != "refused"]
    reached = {row.request_id for row in evidence.arrived}
    dead = _dead_of(evidence.dead, accepted)
    tested = {attempt.request_id for attempt in evidence.attempts if attempt.test}
    lost = accepted.keys() - reached - dead.keys() - tested
    excused, unexcused = _duplicates(evidence)
    waits = _waits_ms(evidence.arrived, accepted)
    return Figures(
        requested=len(evidence.asked),
        accepted=len(accepted),
        unknown=sum(row.answer == "unknown" for row in evidence.asked),
        handed_over=len(accepted.keys() & {row.request_id for row in taken}),
        delivered=len(accepted.keys() & {row.request_id for row in taken if row.decision == "delivered"}),
        verified=len(accepted.keys() & evidence.verified),
        dead=sum(reason is not DeadReason.EXPIRED for reason in dead.values()),
        expired=sum(reason is DeadReason.EXPIRED for reason in dead.values()),
        lost=len(lost),
        lost_upper_bound=(RULE_OF_THREE + len(lost)) / max(len(accepted), 1),
        phantom=_phantoms(evidence, reached),
        duplicates_excused=excused,
        duplicates_unexcused=unexcused,
        late=sum(_is_late(row, accepted) for row in taken),
        mixed=_mixed(evidence.arrived),
        misrouted=sum(
            row.request_id in accepted and row.number_hmac != accepted[row.request_id].number_hmac
            for row in evidence.arrived
        ),
        unterminated=len(accepted.keys() - _ended(evidence)),
        accept_to_handover_p50_ms=percentile(waits, 0.50),
        accept_to_handover_p99_ms=percentile(waits, 0.99),
        dead_reasons=Counter(letter.reason.value for letter in evidence.dead),
    )


def percentile(values: Iterable[float], share: float) -> float | None:
    """Give the nearest-rank percentile, or none of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)


def _dead_of(letters: Iterable[DeadLetter], accepted: Mapping[str, Asked]) -> dict[str, DeadReason]:
    return {row.request_id: row.reason for row in letters if row.request_id and row.request_id in accepted}


def _duplicates(evidence: Evidence) -> tuple[int, int]:
    """Count messages of one attempt beyond its first, split by whether the system had to send again."""
    excuses: dict[tuple[str, int], int] = {}
    for row in evidence.attempts:  # one that was produced again says the same
        excuses[row.request_id, row.number] = max(row.excused, excuses.get((row.request_id, row.number), 0))
    rows = Counter((row.request_id, row.attempt) for row in evidence.arrived)
    excused = sum(min(number - 1, excuses.get(attempt, 0)) for attempt, number in rows.items())
    return excused, sum(rows.values()) - len(rows) - excused


def _waits_ms(arrived: Iterable[Arrived], accepted: Mapping[str, Asked]) -> list[float]:
    first: dict[str, float] = {}
    for row in arrived:
        first[row.request_id] = min(row.at, first.get(row.request_id, row.at))
    return [
        max((at - accepted[request_id].answered_at) * 1000, 0.0)  # the bytes may be quicker than the answer
        for request_id, at in first.items()
        if request_id in accepted
    ]


def _phantoms(evidence: Evidence, reached: set[str]) -> int:
    """Count messages nobody asked for; a caller that was not answered may not know its request's id."""
    known = {row.request_id for row in evidence.asked if row.request_id}
    nameless = sum(row.request_id is None and row.answer == "unknown" for row in evidence.asked)
    return max(len(reached - known) - nameless, 0)


def _is_late(row: Arrived, accepted: Mapping[str, Asked]) -> bool:
    asked = accepted.get(row.request_id)
    return bool(asked and asked.expires_at and row.at > asked.expires_at)


def _mixed(arrived: Iterable[Arrived]) -> int:
    codes: dict[str, set[str | None]] = defaultdict(set)
    for row in arrived:
        codes[row.request_id].add(row.code_hmac)
    return sum(len(known) > 1 for known in codes.values())


def _ended(evidence: Evidence) -> set[str | None]:
    ended: set[str | None] = {row.request_id for row in evidence.attempts if row.outcome in HANDED_OVER}
    for rows in (evidence.receipts, evidence.verifications, evidence.dead):
        ended.update(row.request_id for row in rows)
    return ended

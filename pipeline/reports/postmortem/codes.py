"""Attempts, receipts, entries and dead letters -> what became of each code, as far as topics can know it.

The drills' checker asks the carriers' and the callers' journals the same; a test feeds both with one set of events.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.errors import HANDED_OVER, Outcome
from pipeline.records import Attempt, DeadLetter, Receipt, ReceiptState, Verdict
from pipeline.reports.postmortem.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One attempt that left, and what its provider said of it afterwards."""

    attempt: Attempt
    receipt: Receipt | None  # the one that says the most
    delivered: bool  # within the code's life: by its receipt, or because its code was entered and no other brought it


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One request."""

    request_id: str
    country: str | None
    asked_at: datetime  # when its first message left, or its life began where none did
    expires_at: datetime
    messages: tuple[Message, ...]  # in the order of their attempts
    entered_at: datetime | None  # and right
    refused: int  # how often another code was entered

    @property
    def arrived(self) -> bool:
        """Tell whether it is known to have reached its person within its life."""
        return self.entered_at is not None or any(message.delivered for message in self.messages)


# Of several receipts of one attempt the one whose state comes first here counts.
_SAYS_MOST: Final = (
    ReceiptState.DELIVERED,
    ReceiptState.UNDELIVERABLE,
    ReceiptState.REJECTED,
    ReceiptState.EXPIRED,
    ReceiptState.UNKNOWN,
    ReceiptState.ENROUTE,
)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was heard of all codes."""

    receipts: Mapping[tuple[str, int], Sequence[Receipt]]
    entered_at: Mapping[str, datetime]
    refused: Mapping[str, int]
    fakes: Mapping[str, datetime]  # provider whose receipts are not believed -> of messages from then on
    life: timedelta


def codes(facts: Facts, fakes: Mapping[str, datetime] | None = None) -> list[Code]:
    """Put the records of each code together, oldest first.

    `fakes` has the providers whose receipts are not believed, with the instant from which on their messages are lost.
    """
    heard = _heard(facts, fakes or {})
    attempts: dict[str, dict[int, Attempt]] = defaultdict(dict)
    for attempt in facts.attempts:  # one that was produced again says the same
        if not attempt.test and attempt.outcome is not Outcome.NOT_SENT:
            attempts[attempt.request_id][attempt.number] = attempt
    tested = {attempt.request_id for attempt in facts.attempts if attempt.test}
    died = {one.request_id: one for one in facts.dead if one.request_id and one.request}
    found = [_sent(request_id, of.values(), heard) for request_id, of in attempts.items()]
    unsent = [_unsent(name, letter, heard) for name, letter in died.items() if name not in {*attempts, *tested}]
    return sorted([*found, *unsent], key=lambda code: (code.asked_at, code.request_id))


def _heard(facts: Facts, fakes: Mapping[str, datetime]) -> _Heard:
    receipts: dict[tuple[str, int], list[Receipt]] = defaultdict(list)
    for receipt in facts.receipts:
        receipts[receipt.request_id, receipt.number].append(receipt)
    refused: dict[str, int] = defaultdict(int)
    entered_at: dict[str, datetime] = {}
    for entry in facts.verifications:
        if entry.verdict is Verdict.VERIFIED:
            entered_at[entry.request_id] = min(entry.at, entered_at.get(entry.request_id, entry.at))
        else:
            refused[entry.request_id] += 1
    return _Heard(receipts, entered_at, refused, fakes, facts.life)


def _sent(request_id: str, attempts: Iterable[Attempt], heard: _Heard) -> Code:
    ordered = sorted(attempts, key=lambda attempt: attempt.number)
    asked_at = min(attempt.sent_at for attempt in ordered)
    expires_at = asked_at + heard.life
    receipts = {attempt.number: _receipt(heard.receipts.get((request_id, attempt.number), ())) for attempt in ordered}
    brought = _brought(ordered, receipts, heard, expires_at)
    return Code(
        request_id=request_id,
        country=ordered[0].country,
        asked_at=asked_at,
        expires_at=expires_at,
        messages=tuple(
            Message(attempt=one, receipt=receipts[one.number], delivered=one.number in brought) for one in ordered
        ),
        entered_at=heard.entered_at.get(request_id),
        refused=heard.refused.get(request_id, 0),
    )


def _unsent(request_id: str, letter: DeadLetter, heard: _Heard) -> Code:
    asked_at = letter.starts_at or (letter.request.issued_at if letter.request else letter.at)
    return Code(
        request_id=request_id,
        country=letter.country,
        asked_at=asked_at,
        expires_at=letter.deadline_at or asked_at + heard.life,
        messages=(),
        entered_at=heard.entered_at.get(request_id),
        refused=heard.refused.get(request_id, 0),
    )


def _receipt(receipts: Sequence[Receipt]) -> Receipt | None:
    return min(receipts, key=lambda receipt: (_SAYS_MOST.index(receipt.state), receipt.received_at), default=None)


def _brought(
    attempts: Sequence[Attempt], receipts: Mapping[int, Receipt | None], heard: _Heard, expires_at: datetime
) -> set[int]:
    """Give the numbers of the attempts that are known to have reached the phone."""
    said = {
        attempt.number
        for attempt in attempts
        if _is_true(attempt, heard) and _is_delivered(receipts[attempt.number], expires_at)
    }
    entered_at = heard.entered_at.get(attempts[0].request_id)
    if entered_at is None:
        return said
    # One was enough: where a single message had left when the code was entered, it was that one.
    before = {one.number for one in attempts if one.outcome in HANDED_OVER and one.sent_at <= entered_at}
    return said | before if len(before) == 1 else said


def _is_true(attempt: Attempt, heard: _Heard) -> bool:
    since = heard.fakes.get(attempt.provider)
    return since is None or attempt.sent_at < since


def _is_delivered(receipt: Receipt | None, expires_at: datetime) -> bool:
    return bool(receipt and receipt.state is ReceiptState.DELIVERED and receipt.received_at <= expires_at)

"""The dispatcher's side of the store: claims, outcomes, looks."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import orjson
from msgspec import Struct
from msgspec.structs import replace

from pipeline.dispatch.decision import Seen
from pipeline.errors import InvalidMessage, RowUnreadable, StoreAway
from pipeline.records import Attempt, ReceiptState, decode
from workers.log import get_log
from workers.state.claiming import AttemptHistory, Claim, Claimed, ClaimVerdict, Looked
from workers.state.client import Store
from workers.state.coalescer import CHUNK, Coalescer

LINGER_S: Final = 0.003  # between two calls of a kind: what comes meanwhile travels with the second
OWED_MAX: Final = 100_000  # rows to write when the store is back; at 2 kB each what one process can carry
A = TypeVar("A")
MOST: Final = 1000  # the highest number that an attempt may have

log = get_log("state")


# Verdicts by which an attempt that was made while the store was away has its place in the row.
KEPT: Final = frozenset({ClaimVerdict.GRANTED, ClaimVerdict.EXCUSED, ClaimVerdict.KNOWN})
_VERDICTS: Final = {verdict.value.encode(): verdict for verdict in ClaimVerdict}


class _Stored(Struct, frozen=True, kw_only=True):
    claim: Claim
    number: int
    outcome: bytes


class Claims:
    """Claims of one process. Goes on without the store when it is away, and writes the rows when it is back."""

    def __init__(
        self, store: Store, *, owner: str, lease_s: float, now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    ) -> None:
        self._store = store
        self._owner = owner
        self._lease_ms = int(lease_s * 1000)
        self._now_ms = now_ms  # the broker's, where it is known: all processes agree on it, whatever the store's says
        self._claims = Coalescer(self._run_claims, LINGER_S)
        self._outcomes = Coalescer(self._run_outcomes, LINGER_S)
        self._looks = Coalescer(self._run_looks, LINGER_S)
        self._owed: OrderedDict[tuple[str, int, int], tuple[Claim, bytes | None]] = OrderedDict()
        self.verdicts: Counter[ClaimVerdict] = Counter()
        store.when_back.append(self._mend)

    @property
    def owed(self) -> int:
        """Give the number of rows that wait for the store to come back."""
        return len(self._owed)

    async def claim(self, claim: Claim) -> Claimed:
        """Claim one attempt; without the store the claim holds within this process alone."""
        if claim.key in self._owed:  # the store is away, or back and does not know it yet
            claimed = self._claim_here(claim)
        else:
            try:
                claimed = await self._claims.ask(claim)
            except RowUnreadable:  # nothing to write later: its row will not be one of ours
                claimed = _unclaimed(claim)
            except StoreAway:
                claimed = self._claim_here(claim)
        self.verdicts[claimed.verdict] += 1
        return claimed

    async def renew(self, claim: Claim, number: int) -> bool:
        """Prolong a lease directly before sending. False: it is not ours any more, or nobody knows; claim again."""
        try:
            return bool(
                await self._store.run(
                    "renew", self._owner, self._lease_ms, self._now_ms, claim.request_id, number, claim.source
                )
            )
        except StoreAway:
            return False

    async def store_outcome(self, claim: Claim, number: int, outcome: bytes) -> None:
        """Keep what became of an attempt; when the store is away, until it is back."""
        if claim.key in self._owed:
            return self._owe(claim, outcome)
        try:
            await self._outcomes.ask(_Stored(claim=claim, number=number, outcome=outcome))
        except RowUnreadable:
            pass  # it has been said, and to try again would change nothing
        except StoreAway:
            self._owe(claim, outcome)

    async def look(self, request_id: str, number: int, source: str) -> Looked:
        """Tell what is known of a request whose newest attempt at hand has this number. Raises StoreAway.

        A next attempt that the same source has claimed before a crash is not a successor: it goes on with that one.
        """
        return await self._looks.ask((request_id, number, source))

    async def attempts(self, request_id: str, *, asked_by: str) -> AttemptHistory:
        """Give the attempts a request has had, oldest first, without those of the source that asks."""
        try:
            row, source = await self._store.fields(f"otp:{request_id}"), asked_by.encode()
        except StoreAway:
            return AttemptHistory()
        made = {name: value for name, value in row.items() if name.startswith(b"a")}
        others = [value for name, value in made.items() if row.get(b"s" + name[1:]) != source]
        try:
            attempts = [decode(Attempt, value) for value in others]
        except InvalidMessage:
            self._store.cannot_read("hgetall")
            return AttemptHistory()
        by_number = tuple(sorted(attempts, key=lambda attempt: attempt.number))
        return AttemptHistory(attempts=by_number, itself=len(others) < len(made))

    def _claim_here(self, claim: Claim) -> Claimed:
        number = claim.number or claim.resend + 1
        known = self._owed.get(claim.key)
        if known is None and claim.resend and self._wishes_owed(claim.request_id) >= claim.most - 1:
            verdict = ClaimVerdict.TOO_MANY
        elif known is None:
            self._owe(claim, None)
            verdict = ClaimVerdict.UNCLAIMED
        elif known[0].source != claim.source:
            verdict = ClaimVerdict.DUPLICATE
        else:
            verdict = ClaimVerdict.KNOWN if known[1] else ClaimVerdict.UNCLAIMED
        return Claimed(
            verdict=verdict,
            number=number,
            kid=claim.kid,
            deadline_ms=claim.deadline_ms,
            outcome=known[1] if known else None,
        )

    def _wishes_owed(self, request_id: str) -> int:
        """Count the wishes of a request that were fulfilled here since the store is away."""
        return sum(claim.request_id == request_id and claim.resend > 0 for claim, _ in self._owed.values())

    def _owe(self, claim: Claim, outcome: bytes | None) -> None:
        if len(self._owed) >= OWED_MAX:
            self._owed.popitem(last=False)
            log.warning("store.row_dropped")
        self._owed[claim.key] = (claim, outcome)

    async def _mend(self) -> None:
        """Write the rows that the store has missed, oldest first; what fails again stays owed."""
        while self._owed:
            chunk = list(self._owed.items())[:CHUNK]
            # These attempts were made: nothing refuses them any more.
            claimed = await self._run_claims([replace(claim, most=MOST, gap_ms=0) for _, (claim, _) in chunk])
            stored = [
                _Stored(claim=claim, number=answer.number, outcome=outcome)
                for (_, (claim, outcome)), answer in zip(chunk, claimed, strict=True)
                if outcome is not None and isinstance(answer, Claimed) and answer.verdict in KEPT
            ]
            if stored:
                await self._run_outcomes(stored)
            for key, written in chunk:
                if self._owed.get(key) == written:  # else its outcome came meanwhile, and is written with the next
                    del self._owed[key]

    async def _run_claims(self, claims: Sequence[Claim]) -> list[Claimed | RowUnreadable]:
        rows = orjson.dumps([_row(claim) for claim in claims])
        answers = await self._store.run("claim", self._owner, self._lease_ms, self._now_ms, rows, questions=len(claims))
        return [self._read("claim", _claimed, answer) for answer in answers]

    async def _run_outcomes(self, outcomes: Sequence[_Stored]) -> list[RowUnreadable | None]:
        rows = [[stored.claim.request_id, stored.number, stored.outcome.decode()] for stored in outcomes]
        answers = await self._store.run("outcome", orjson.dumps(rows), questions=len(rows))
        return [None if answer else self._store.cannot_read("outcome") for answer in answers]

    async def _run_looks(self, looks: Sequence[tuple[str, int, str]]) -> list[Looked | RowUnreadable]:
        answers = await self._store.run("seen", orjson.dumps(looks), questions=len(looks))
        numbers = [number for _, number, _ in looks]
        return [self._read("seen", partial(_looked, number=n), one) for one, n in zip(answers, numbers, strict=True)]

    def _read(self, script: str, read: Callable[[list[Any]], A], answer: list[Any] | None) -> A | RowUnreadable:
        """Read one answer of a batch. What one row holds must not fail the others of its batch."""
        try:
            return read(answer) if answer else self._store.cannot_read(script)
        except (ValueError, TypeError, AttributeError):  # no number where one must be, or nothing at all
            return self._store.cannot_read(script)


def _unclaimed(claim: Claim) -> Claimed:
    number = claim.number or claim.resend + 1
    return Claimed(verdict=ClaimVerdict.UNCLAIMED, number=number, kid=claim.kid, deadline_ms=claim.deadline_ms)


def _row(claim: Claim) -> list[Any]:
    return [
        claim.request_id,
        claim.number,
        claim.resend,
        claim.source,
        claim.caller,
        claim.number_hash,
        claim.kid,
        claim.purpose,
        str(claim.issued_ms),
        str(claim.deadline_ms),
        claim.request,
        claim.own,
        claim.most,
        claim.asked_ms,
        claim.gap_ms,
    ]


def _claimed(answer: list[Any]) -> Claimed:
    verdict, number, kid, deadline_ms, outcome, wait_ms, taken_over, request = answer
    return Claimed(
        verdict=_VERDICTS[verdict],
        number=number,
        kid=kid.decode(),
        deadline_ms=int(deadline_ms),
        outcome=outcome or None,
        request=request or None,
        wait_s=wait_ms / 1000,
        taken_over=taken_over,
    )


def _looked(answer: list[Any], number: int) -> Looked:
    verified, void, succeeded, states, made = answer
    known = {attempt: ReceiptState(state.decode()) for attempt, state in states}
    seen = Seen(
        verified=bool(verified),
        void=bool(void),
        succeeded=bool(succeeded),
        states=frozenset(known.values()),
        last_state=known.get(number),
    )
    return Looked(seen=seen, made=made or None)

"""The HTTP side of the store: tries, uses, wishes for another message, receipts, timelines."""

import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
import orjson
from msgspec.structs import replace

from pipeline.errors import InvalidMessage, StoreAway
from pipeline.message.codes import Entry
from pipeline.records import Attempt, OtpRequest, ReceiptState, decode
from pipeline.reports.board.top import IN_TIME_S
from pipeline.settings import Settings
from workers.state.client import Store
from workers.state.entries import Tried, TryVerdict, Use, Used, UseVerdict
from workers.state.epoch import LOST, Clock, Epoch

_IN_TIME_MS: Final = IN_TIME_S * 1000
_REPEAT_MS: Final = 10_000  # after the right code: a second tap, or a client that tries again after a lost answer
UNKNOWN: Final = b"unknown"  # what a script answers for a row that is missing, or of another caller


class WishVerdict(StrEnum):
    """What became of a wish for another message."""

    ASKED = "asked"
    EARLY = "early"
    VERIFIED = "verified"
    SUPERSEDED = "superseded"  # by a newer request of the same caller, number and purpose
    LATE = "late"  # no send may start any more, or it was issued before state was lost
    SPENT = "spent"  # no attempts are left
    UNKNOWN = "unknown"  # no such request of this caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A wish for another message, answered."""

    verdict: WishVerdict
    wait: timedelta = timedelta(0)  # when early: how long until it may be repeated
    request: OtpRequest | None = None  # when asked: the sealed request with the ordinal of this wish


class ReceiptVerdict(StrEnum):
    """What a receipt is to the row of its request."""

    ADVANCED = "advanced"
    KNOWN = "known"  # it, or something later, is there already
    STRANGER = "stranger"  # no such attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A receipt, answered. `issued_at` and `state` are none for a stranger's."""

    verdict: ReceiptVerdict
    issued_at: datetime | None = None  # of the code
    state: ReceiptState | None = None  # of the whole message: what a receipt says of a part may not be true of it yet
    in_time: bool = False  # it is the first to tell, within 30 s of that, that the code has arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of a request: the part of it that its caller may see."""

    issued_at: datetime
    deadline_at: datetime
    verified_at: datetime | None
    void: bool
    attempts: tuple[Attempt, ...]  # those whose outcome is known, oldest first
    states: Mapping[int, ReceiptState]  # by attempt number


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was answered to an idempotency key."""

    digest: str  # keyed, of the body
    issued_at: datetime
    expires_at: datetime


class Checks:
    """Every call raises StoreAway when the store does not answer: then nothing is valid and nothing is known.

    A row in no form of ours raises RowUnreadable in the same place, for its own request alone.
    """

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._otp = settings.otp
        self._dispatch = settings.dispatch
        self.epoch = Epoch(store, clock)

    @property
    def available(self) -> bool:
        """Tell whether the store answered when it was last asked."""
        return self._store.available

    async def settle(self) -> None:
        """Settle since when codes count. Call it at start; it is repeated whenever the store comes back."""
        await self.epoch.settle()

    def on_return(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Have something called whenever the store has come back."""
        self._store.when_back.append(callback)

    async def try_code(self, request_id: str, caller: str, entry: Entry) -> Tried:
        """Count a try of a code, before anything is compared, and give what the code is derived from."""
        readable = int(entry.derived != ""), int(entry.own != "")
        answer = await self._run("try_code", request_id, caller, self._now_ms(), self._otp.tries, _REPEAT_MS, *readable)
        verdict = TryVerdict(answer[0].decode())
        if verdict is not TryVerdict.OPEN:
            return Tried(verdict=verdict)
        _, kid, number_hash, request = answer
        with self._reading("try_code"):
            return Tried(
                verdict=verdict,
                kid=kid.decode(),
                number_hash=number_hash.decode(),
                request=decode(OtpRequest, request),
            )

    async def consume(self, request_id: str, mark: str) -> Use:
        """Use a code up. One mark for a request ever is given its attempts, others are told so for 10 s at the most.

        When this raises StoreAway it may have been used up all the same: `went_through` tells.
        """
        return await self._use(request_id, mark, fresh=True)

    async def went_through(self, request_id: str, mark: str) -> Used | None:
        """Give what `consume` would have given, where it used a code up and its answer was lost."""
        return (await self._use(request_id, mark, fresh=False)).used

    async def _use(self, request_id: str, mark: str, *, fresh: bool) -> Use:
        held = await self._store.run("consume", request_id, self._now_ms(), _IN_TIME_MS, _REPEAT_MS, mark, int(fresh))
        if not held:
            return Use(verdict=UseVerdict.REFUSED if held is None else UseVerdict.REPEATED)
        issued, in_time, attempts = held
        with self._reading("consume"):
            used = Used(
                attempts=tuple((decode(Attempt, attempt), _state(state)) for attempt, state in attempts),
                issued_at=_instant(issued),
                in_time=bool(in_time),
            )
        return Use(verdict=UseVerdict.USED, used=used)

    async def ask_again(self, request_id: str, caller: str) -> Wish:
        """Note the wish for another message, unless it comes too soon or too late."""
        gap_ms = self._otp.resend_after_s * 1000
        share, attempts = str(self._dispatch.last_send_share), self._dispatch.max_attempts
        answer = await self._run("ask_again", request_id, caller, self._now_ms(), gap_ms, share, attempts)
        verdict = WishVerdict(answer[0].decode())
        if verdict is WishVerdict.EARLY:
            return Wish(verdict=verdict, wait=timedelta(milliseconds=answer[1]))
        if verdict is not WishVerdict.ASKED:
            return Wish(verdict=verdict)
        _, ordinal, request = answer
        with self._reading("ask_again"):
            return Wish(verdict=verdict, request=_resend(request, ordinal))

    async def receipt(
        self, request_id: str, number: int, state: ReceiptState, *, write: bool, part: tuple[int, int] | None = None
    ) -> Reported:
        """Tell what a receipt is to its row, and advance the row with `write`; never back.

        `part` is which part of the message it is about, from 1, and of how many.
        """
        now_ms, about = self._now_ms(), part or (0, 0)
        held = await self._store.run("receipt", request_id, number, state, *about, int(write), now_ms, _IN_TIME_MS)
        verdict = ReceiptVerdict(held[0].decode())
        if verdict is ReceiptVerdict.STRANGER:
            return Reported(verdict=verdict)
        with self._reading("receipt"):
            return Reported(
                verdict=verdict,
                issued_at=_instant(held[1]),
                in_time=bool(held[2]),
                state=ReceiptState(held[3].decode()),
            )

    async def nonce_is_used(self, provider: str, nonce: str) -> bool:
        """Tell whether a callback with this nonce was taken before."""
        return await self._store.get(f"nonce:{provider}:{nonce}") is not None

    async def use_nonce(self, provider: str, nonce: str, life: timedelta) -> None:
        """Remember the nonce of a callback that was taken; `life` is more than nothing."""
        await self._store.put_if_new(f"nonce:{provider}:{nonce}", b"1", math.ceil(life.total_seconds() * 1000))

    async def row(self, request_id: str, caller: str) -> Row | None:
        """Give what is known of a request of this caller."""
        fields = await self._store.fields(f"otp:{request_id}")
        if fields.get(b"c") == caller.encode():
            with self._reading("hgetall"):
                return _row(fields)
        self._refuse_while_settling()
        return None

    async def remember(self, request_id: str, wanted: Remembered) -> Remembered:
        """Keep the answer to an idempotency key, and give it, or the one that was given before."""
        life_ms = int((wanted.expires_at - wanted.issued_at).total_seconds() * 1000) + self._store.keep_ms
        held = await self._store.put_if_new(f"asked:{request_id}", orjson.dumps(wanted), life_ms)
        return msgspec.json.decode(held, type=Remembered) if held else wanted

    async def _run(self, script: str, *args: str | int) -> list[Any]:
        """Run a script that depends on the epoch, and settle that first where it must be."""
        answer: list[Any] = await self._store.run(script, *args)
        if answer[0] == LOST:
            await self.epoch.settle()
            answer = await self._store.run(script, *args)
        if answer[0] == LOST:
            raise StoreAway("the state store restarted twice within one call")
        if answer[0] == UNKNOWN:
            self._refuse_while_settling()
        return answer

    @contextlib.contextmanager
    def _reading(self, operation: str) -> Iterator[None]:
        """Tell a row that is in no form of ours from a defect. Raises RowUnreadable."""
        try:
            yield
        except (InvalidMessage, ValueError, TypeError, AttributeError, KeyError):
            raise self._store.cannot_read(operation) from None

    def _refuse_while_settling(self) -> None:
        """Leave open what a missing row means while dispatchers may still have to write it."""
        if self._store.settling:
            raise StoreAway("the state store has just come back, and rows may still be missing")

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _resend(request: bytes, ordinal: int) -> OtpRequest:
    return replace(decode(OtpRequest, request), resend=ordinal)


def _row(fields: Mapping[bytes, bytes]) -> Row:
    newest = int(fields.get(b"n", 0))
    attempts = [fields.get(b"a%d" % number) for number in range(1, newest + 1)]
    states = {number: _state(fields.get(b"r%d" % number, b"")) for number in range(1, newest + 1)}
    return Row(
        issued_at=_instant(fields[b"i"]),
        deadline_at=_instant(fields[b"d"]),
        verified_at=_instant(fields[b"v"]) if b"v" in fields else None,
        void=b"x" in fields,
        attempts=tuple(decode(Attempt, attempt) for attempt in attempts if attempt),
        states={number: state for number, state in states.items() if state},
    )


def _state(word: bytes) -> ReceiptState | None:
    return ReceiptState(word.decode()) if word else None


def _instant(ms: bytes) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, tz=UTC)

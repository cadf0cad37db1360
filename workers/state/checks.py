"""The API's side of the store: tries, uses, wishes for another message, timelines, idempotency keys."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import orjson
from msgspec.structs import replace

from pipeline.errors import StoreAway
from pipeline.message.codes import Entry
from pipeline.records import Attempt, OtpRequest, ReceiptState, decode
from pipeline.settings import Settings
from workers.state.client import Store
from workers.state.entries import Tried, TryVerdict, Use, Used, UseVerdict
from workers.state.epoch import LOST, Clock, Epoch
from workers.state.reading import IN_TIME_MS, instant, ms_of, reading, state_of
from workers.state.wishes import Wish, WishVerdict

_REPEAT_MS: Final = 10_000  # after the right code: a second tap, or a client that tries again after a lost answer
UNKNOWN: Final = b"unknown"  # what a script answers for a row that is missing, or of another caller


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
        now_ms, tries = ms_of(self._clock.now()), self._otp.tries
        answer = await self._run("try_code", request_id, caller, now_ms, tries, _REPEAT_MS, *readable)
        verdict = TryVerdict(answer[0].decode())
        if verdict is not TryVerdict.OPEN:
            return Tried(verdict=verdict)
        _, kid, number_hash, request = answer
        with reading(self._store, "try_code"):
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
        now_ms = ms_of(self._clock.now())
        held = await self._store.run("consume", request_id, now_ms, IN_TIME_MS, _REPEAT_MS, mark, int(fresh))
        if not held:
            return Use(verdict=UseVerdict.REFUSED if held is None else UseVerdict.REPEATED)
        issued, in_time, attempts = held
        with reading(self._store, "consume"):
            used = Used(
                attempts=tuple((decode(Attempt, attempt), state_of(state)) for attempt, state in attempts),
                issued_at=instant(issued),
                in_time=bool(in_time),
            )
        return Use(verdict=UseVerdict.USED, used=used)

    async def ask_again(self, request_id: str, caller: str) -> Wish:
        """Note the wish for another message, unless it comes too soon or too late."""
        gap_ms = self._otp.resend_after_s * 1000
        share, attempts = str(self._dispatch.last_send_share), self._dispatch.max_attempts
        answer = await self._run("ask_again", request_id, caller, ms_of(self._clock.now()), gap_ms, share, attempts)
        verdict = WishVerdict(answer[0].decode())
        if verdict is WishVerdict.EARLY:
            return Wish(verdict=verdict, wait=timedelta(milliseconds=answer[1]))
        if verdict is not WishVerdict.ASKED:
            return Wish(verdict=verdict)
        _, ordinal, request = answer
        with reading(self._store, "ask_again"):
            return Wish(verdict=verdict, request=_resend(request, ordinal))

    async def row(self, request_id: str, caller: str) -> Row | None:
        """Give what is known of a request of this caller."""
        fields = await self._store.fields(f"otp:{request_id}")
        if fields.get(b"c") == caller.encode():
            with reading(self._store, "hgetall"):
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

    def _refuse_while_settling(self) -> None:
        """Leave open what a missing row means while dispatchers may still have to write it."""
        if self._store.settling:
            raise StoreAway("the state store has just come back, and rows may still be missing")


def _resend(request: bytes, ordinal: int) -> OtpRequest:
    return replace(decode(OtpRequest, request), resend=ordinal)


def _row(fields: Mapping[bytes, bytes]) -> Row:
    newest = int(fields.get(b"n", 0))
    attempts = [fields.get(b"a%d" % number) for number in range(1, newest + 1)]
    states = {number: state_of(fields.get(b"r%d" % number, b"")) for number in range(1, newest + 1)}
    return Row(
        issued_at=instant(fields[b"i"]),
        deadline_at=instant(fields[b"d"]),
        verified_at=instant(fields[b"v"]) if b"v" in fields else None,
        void=b"x" in fields,
        attempts=tuple(decode(Attempt, attempt) for attempt in attempts if attempt),
        states={number: state for number, state in states.items() if state},
    )

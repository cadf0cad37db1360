"""The receipts' side of the store: what a receipt is to its row, and which callbacks were taken before."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.records import ReceiptState
from workers.state.client import Store
from workers.state.epoch import Clock
from workers.state.reading import IN_TIME_MS, instant, ms_of, reading


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


class ReceiptRows:
    """Every call raises StoreAway when the store does not answer, and RowUnreadable for a row in no form of ours."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def receipt(
        self, request_id: str, number: int, state: ReceiptState, *, write: bool, part: tuple[int, int] | None = None
    ) -> Reported:
        """Tell what a receipt is to its row, and advance the row with `write`; never back.

        `part` is which part of the message it is about, from 1, and of how many.
        """
        now_ms, about = ms_of(self._clock.now()), part or (0, 0)
        held = await self._store.run("receipt", request_id, number, state, *about, int(write), now_ms, IN_TIME_MS)
        verdict = ReceiptVerdict(held[0].decode())
        if verdict is ReceiptVerdict.STRANGER:
            return Reported(verdict=verdict)
        with reading(self._store, "receipt"):
            return Reported(
                verdict=verdict,
                issued_at=instant(held[1]),
                in_time=bool(held[2]),
                state=ReceiptState(held[3].decode()),
            )

    async def nonce_is_used(self, provider: str, nonce: str) -> bool:
        """Tell whether a callback with this nonce was taken before."""
        return await self._store.get(f"nonce:{provider}:{nonce}") is not None

    async def use_nonce(self, provider: str, nonce: str, life: timedelta) -> None:
        """Remember the nonce of a callback that was taken; `life` is more than nothing."""
        await self._store.put_if_new(f"nonce:{provider}:{nonce}", b"1", math.ceil(life.total_seconds() * 1000))

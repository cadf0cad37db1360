"""Places at a provider: taken, waited for in the order of arrival, given back."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from pipeline.dispatch.limits import SendLimit


class Places:
    """What a provider may be given by this process, and who waits for it."""

    def __init__(self, limit: SendLimit) -> None:
        self._limit = limit
        self._line: deque[asyncio.Future[Places | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Tell how many are taken."""
        return self._limit.in_flight

    def take(self) -> bool:
        """Take a place. False: none is free, or others came first."""
        while self._line and self._line[0].done():
            self._line.popleft()
        return not self._line and self._limit.take(time.monotonic())

    def give_back(self, *, unused: bool = False) -> None:
        """Free a place: whoever waits longest has it. One that was `unused` counts in no limit per second."""
        self._limit.give_back(unused=unused)
        self._serve()

    def line_up(self, turn: "asyncio.Future[Places | None]") -> None:
        """Wait in line; the future is given these places when one of them is taken for it."""
        self._line.append(turn)
        self._serve()

    def _serve(self) -> None:
        while self._line:
            if not self._line[0].done():
                if not self._limit.take(time.monotonic()):
                    self._serve_later()
                    return
                self._line[0].set_result(self)
            self._line.popleft()

    def _serve_later(self) -> None:
        """Come back when the limit per second allows it; when a place is missing, its end brings us here."""
        wait_s = self._limit.wait_s(time.monotonic())
        if wait_s is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._serve()


async def first_free(wanted: Sequence[Places], within_s: float) -> Places | None:
    """Wait for a place at any of these, and take it. None: not within that time."""
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[Places | None] = loop.create_future()
    timer = loop.call_later(within_s, _give_up, turn)
    for places in wanted:
        if not turn.done():
            places.line_up(turn)
    try:
        return await turn
    except asyncio.CancelledError:
        if not turn.cancelled() and (places_taken := turn.result()):
            places_taken.give_back(unused=True)
        raise
    finally:
        timer.cancel()


def _give_up(turn: "asyncio.Future[Places | None]") -> None:
    if not turn.done():
        turn.set_result(None)

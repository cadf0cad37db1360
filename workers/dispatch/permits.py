"""Permits of a provider, as of a semaphore: acquired, waited for in the order of arrival, released."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from pipeline.dispatch.limits import SendLimit


class Permits:
    """What a provider may be given by this process, and who waits for it."""

    def __init__(self, limit: SendLimit) -> None:
        self._limit = limit
        self._waiters: deque[asyncio.Future[Permits | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Tell how many are taken."""
        return self._limit.in_flight

    def acquire(self) -> bool:
        """Acquire a permit. False: none is free, or others came first."""
        while self._waiters and self._waiters[0].done():
            self._waiters.popleft()
        return not self._waiters and self._limit.acquire(time.monotonic())

    def release(self, *, unused: bool = False) -> None:
        """Release a permit: whoever waits longest has it. One that was `unused` counts in no limit per second."""
        self._limit.release(unused=unused)
        self._serve()

    def enqueue(self, waiter: "asyncio.Future[Permits | None]") -> None:
        """Wait in line; the future is given these permits when one of them is acquired for it."""
        self._waiters.append(waiter)
        self._serve()

    def _serve(self) -> None:
        while self._waiters:
            if not self._waiters[0].done():
                if not self._limit.acquire(time.monotonic()):
                    self._serve_later()
                    return
                self._waiters[0].set_result(self)
            self._waiters.popleft()

    def _serve_later(self) -> None:
        """Come back when the limit per second allows it; when a permit is missing, its end brings us here."""
        wait_s = self._limit.wait_s(time.monotonic())
        if wait_s is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._serve()


async def first_free(wanted: Sequence[Permits], within_s: float) -> Permits | None:
    """Wait for a permit of any of these, and acquire it. None: not within that time."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[Permits | None] = loop.create_future()
    timer = loop.call_later(within_s, _give_up, waiter)
    for permits in wanted:
        if not waiter.done():
            permits.enqueue(waiter)
    try:
        return await waiter
    except asyncio.CancelledError:
        if not waiter.cancelled() and (acquired := waiter.result()):
            acquired.release(unused=True)
        raise
    finally:
        timer.cancel()


def _give_up(waiter: "asyncio.Future[Permits | None]") -> None:
    if not waiter.done():
        waiter.set_result(None)

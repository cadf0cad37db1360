"""A timer for the next record that is due."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, at the instant that was set last. Instants are seconds of the caller's clock."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._at: float | None = None

    def set(self, at: float | None, now: float) -> None:
        """Ring at an instant, or not at all. Cheap when nothing changes."""
        if at == self._at:
            return
        if self._timer:
            self._timer.cancel()
        self._at = at
        self._timer = None if at is None else asyncio.get_running_loop().call_later(at - now, self._rung)

    def _rung(self) -> None:
        self._timer = self._at = None
        self._ring()

"""The broker's time, learnt from acknowledgements."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_DRIFT: Final = 1e-4  # of clocks against each other, at most: an old sample is worth less by so much a second


class BrokerClock:
    """The broker's time as this process knows it.

    The broker stamps a record at some instant between send and acknowledgement, so half the round trip bounds the
    error. A sample is kept until a better one comes, or one that is better than what drift has made of it. It is kept
    as a distance to the monotonic clock: a step of the local wall clock changes nothing. Before the first sample it is
    the local wall clock.
    A better sample may set the time back by the error of the one before.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._monotonic = monotonic
        self._offset_s = wall() - monotonic()
        self._round_trip_s = float("inf")
        self._sampled_at = monotonic()

    @property
    def error_s(self) -> float:
        """How wrong it may be: half the round trip of the sample in use; infinite before the first."""
        return self._round_trip_s / 2

    def observe(self, sent_at: float, acknowledged_at: float, stamp_ms: int) -> None:
        """Learn from one record: monotonic instants of its send and acknowledgement, and the broker's stamp."""
        round_trip_s = acknowledged_at - sent_at
        if round_trip_s / 2 > self.error_s + (acknowledged_at - self._sampled_at) * _DRIFT:
            return
        self._round_trip_s = round_trip_s
        self._sampled_at = acknowledged_at
        # A stamp is in whole milliseconds, rounded down: the middle of that millisecond is the best guess.
        self._offset_s = (stamp_ms + 0.5) / 1000 - (sent_at + acknowledged_at) / 2

    def witness(self, stamp_ms: int) -> None:
        """Learn from a record that was read: the broker's time is not before its stamp."""
        behind_s = stamp_ms / 1000 - self.epoch_s()
        if behind_s > 0:
            self._offset_s += behind_s

    def epoch_s(self) -> float:
        """Give seconds since 1970."""
        return self._monotonic() + self._offset_s

    def epoch_ms(self) -> int:
        """Give whole milliseconds since 1970, as Kafka's time stamps are."""
        return int(self.epoch_s() * 1000)

    def now(self) -> datetime:
        """Give aware UTC."""
        return datetime.fromtimestamp(self.epoch_s(), UTC)

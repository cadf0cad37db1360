"""The top line: how many codes are asked for, how many of them arrive in time, and how many are entered."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.evidence.routes import IN_TIME_S, Evidence

RATE_S: Final = 10  # codes a second are counted over so long
SHOWN_S: Final = 60  # the share in time is of the messages of so many seconds
CONVERTED_S: Final = 600  # conversion is of the codes of so many seconds ...
CONVERT_EVERY_S: Final = 10  # it goes through all of them
ENTERED_BY_S: Final = 60  # ... that were sent so long ago: people have entered theirs by then


class Top(Struct, frozen=True, kw_only=True):
    """The figures of all countries and providers together. None where nothing was sent."""

    codes_per_s: float = 0.0
    in_time: float | None = None  # share of messages delivered or entered within 30 s
    conversion: float | None = None  # share of codes that were entered; none, too, where nobody ever tells of it


class _Second(NamedTuple):
    """What was known of the messages of a second when it was 30 s old."""

    at: int
    sent: int
    heard: int


@dataclass(slots=True)
class Totals:
    """Counts second by second. Epoch seconds."""

    _in_time: deque[_Second] = field(default_factory=lambda: deque(maxlen=SHOWN_S))
    _conversion: float | None = None
    _converted_at: int = 0

    def tick(self, evidence: Evidence, now: int) -> None:
        """Note what is in time of the messages that are 30 s old now. Seconds that were left out are made up for."""
        newest = self._in_time[-1].at if self._in_time else now - IN_TIME_S - 1
        for second in range(max(newest + 1, now - IN_TIME_S - SHOWN_S), now - IN_TIME_S + 1):
            self._in_time.append(_Second(second, *_heard(evidence, second)))
        if now - self._converted_at >= CONVERT_EVERY_S:
            self._converted_at = now
            asked, entered = _codes(evidence, now - ENTERED_BY_S - CONVERTED_S, now - ENTERED_BY_S)
            told = any(route.entries.heard for route in evidence.routes.values())
            self._conversion = round(min(entered / asked, 1.0), 4) if asked and told else None

    def top(self, evidence: Evidence, now: int) -> Top:
        """Give the figures as of a second that is counted as a whole."""
        sent = sum(one.sent for one in self._in_time)
        lately, _ = _codes(evidence, now - RATE_S + 1, now)
        return Top(
            codes_per_s=round(lately / RATE_S, 1),
            in_time=round(sum(one.heard for one in self._in_time) / sent, 4) if sent else None,
            conversion=self._conversion,
        )


def _heard(evidence: Evidence, second: int) -> tuple[int, int]:
    """Give the messages of a second, and those of which a receipt or an entered code tells that they arrived."""
    sent = heard = 0
    for route in evidence.routes.values():
        for bucket in route.seconds.get(second, {}).values():
            sent += bucket.accepted
            heard += min(max(bucket.delivered, bucket.verified), bucket.accepted)
    return sent, heard


def _codes(evidence: Evidence, oldest: int, newest: int) -> tuple[int, int]:
    """Give the codes that were sent first in these seconds, and the messages of them whose code was entered."""
    first = verified = 0
    for route in evidence.routes.values():
        for second in range(oldest, newest + 1):
            for bucket in route.seconds.get(second, {}).values():
                first += bucket.first
                verified += bucket.verified
    return first, verified

"""The last half hour of each country, for charts."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from pipeline.records import RouteTable
from pipeline.reports.board.rows import delivered

KEPT: Final = timedelta(minutes=30)
STEP: Final = timedelta(seconds=4)  # tables that say the same are noted at most so often


class Point(Struct, frozen=True, kw_only=True):
    """The shares of a country from an instant on, and what its providers delivered then."""

    at: datetime
    shares: Mapping[str, float]
    delivered: Mapping[str, float | None]


@dataclass(slots=True)
class History:
    """The points of one country, oldest first. The one before the half hour is kept: it says what held at its start."""

    points: deque[Point] = field(default_factory=deque)

    def note(self, table: RouteTable) -> None:
        """Note a table. An older one than the newest changes nothing."""
        point = _point(table)
        if self.points and not self._is_news(point):
            return
        self.points.append(point)
        while len(self.points) > 1 and self.points[1].at < point.at - KEPT:
            self.points.popleft()

    def _is_news(self, point: Point) -> bool:
        newest = self.points[-1]
        return point.at > newest.at and (point.shares != newest.shares or point.at - newest.at >= STEP)


def _point(table: RouteTable) -> Point:
    return Point(
        at=table.decided_at,
        shares={route.provider: route.share for route in table.routes},
        delivered={route.provider: delivered(route) for route in table.routes},
    )

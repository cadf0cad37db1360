"""How long the oldest unfinished record of a topic has waited, from what is seen of its end and its commits."""

from collections import deque


def left(end: int, start: int, committed: int | None) -> int:
    """Tell how many offsets of a partition a group has still to finish; what was deleted is no longer to be finished.

    Nothing committed: all that is there.
    """
    return max(end - max(start, committed or 0), 0)


class QueueAge:
    """Remembers when the topic's end was where, and looks up when it was where the commits are now.

    Ends and commits are sums over all partitions, so it is the age of an even queue; instants are seconds.
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque()

    def observe(self, now: float, end: int, committed: int) -> float:
        """Take a look, and give the age in seconds: 0 when everything is finished."""
        if self._ends and end < self._ends[-1][1]:  # the topic was made anew
            self._ends.clear()
        if not self._ends or end > self._ends[-1][1]:
            self._ends.append((now, end))
        while self._ends and self._ends[0][1] <= committed:
            self._ends.popleft()
        return now - self._ends[0][0] if self._ends else 0.0

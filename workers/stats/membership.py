"""Which partitions are ours, and whether that can be believed."""

from collections.abc import Callable, Collection
from typing import Final

from pipeline.evidence.routes import Source
from pipeline.records.topics import COUNTED

SEAT: Final[Source] = (COUNTED[0].name, 0)  # whoever counts this partition decides: it exists in every cluster
DOUBT: Final = 0.5  # share of the session timeout: who was frozen that long may have been replaced


class Membership:
    """What the group has assigned to this process.

    A process that was frozen or starved cannot know whether it still is a member. It doubts until an assignment comes,
    or until so much time has passed that the group would have told it. Instants are seconds of the clock.
    """

    def __init__(self, session_timeout_s: float, clock: Callable[[], float]) -> None:
        self._session_timeout_s = session_timeout_s
        self.clock = clock
        self._beat_at = clock()
        self._doubt_until = 0.0
        self.sources: frozenset[Source] = frozenset()
        self.is_member = False  # also without any partition

    def assigned(self, sources: Collection[Source]) -> None:
        """Take what the group has assigned."""
        self.sources = frozenset(sources)
        self.is_member = True
        self._beat_at = self.clock()
        self._doubt_until = 0.0

    def revoked(self) -> None:
        """Give everything up until the next assignment."""
        self.sources = frozenset()
        self.is_member = False

    def beat(self) -> None:
        """Show that the process runs; called several times within the time that raises doubts."""
        now = self.clock()
        if now - self._beat_at > DOUBT * self._session_timeout_s:
            self._doubt_until = now + self._session_timeout_s
        self._beat_at = now

    def decides(self) -> bool:
        """Tell whether this process is the one that decides."""
        self.beat()
        return SEAT in self.sources and self.clock() >= self._doubt_until

"""How long requests may wait before they are sent: while they wait longer, no further code is promised."""

import math
from dataclasses import dataclass
from typing import Final

LONGEST_SHARE: Final = 0.2  # of a code's life that it may wait: what is left must do for the sending and the person


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """The longest wait, for codes that live `ttl_s` seconds."""

    ttl_s: float

    @property
    def longest_s(self) -> float:
        """Give the seconds that the oldest request may have waited."""
        return self.ttl_s * LONGEST_SHARE

    def refuses(self, age_s: float) -> bool:
        """Tell whether the oldest request, asked for so many seconds ago, waits for too long."""
        return age_s > self.longest_s

    def repeat_after_s(self, age_s: float) -> int:
        """Give the whole seconds after which a refused caller may repeat: as long as the wait is too long by."""
        return math.ceil(age_s - self.longest_s)

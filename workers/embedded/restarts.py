"""How long to wait before a process that ended is started again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """The wait grows while a process keeps ending, so that one that cannot run does not eat the machine."""

    first_s: float = 1.0
    longest_s: float = 30.0
    healthy_s: float = 60.0  # ready for so long: what ended it is news, and the wait begins anew

    def wait_s(self, last_s: float | None, ready_for_s: float) -> float:
        """Give the wait after `last_s`, the wait before (none: it never ended before)."""
        if last_s is None or ready_for_s >= self.healthy_s:
            return self.first_s
        return min(2 * last_s, self.longest_s)

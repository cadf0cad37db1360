"""A provider that was broken comes back after a wait, which doubles with each fault it had lately."""

from dataclasses import dataclass
from typing import Final

from pipeline.records import Route, RouteState

BROKEN: Final = 0.2  # under this probability of normal a route is broken ...
WELL: Final = 0.8  # ... until it is over this
SUSPECT: Final = 0.6
FIRST_WAIT_S: Final = 15.0
LONGEST_WAIT_S: Final = 600.0
FAULTS_HALF_LIFE_S: Final = 900.0
STAGE_S: Final = 5.0  # of the staged return
STAGES: Final = (0.1, 0.3, 0.6)  # of the traffic, at most; then there is no limit


@dataclass(slots=True)
class Recovery:
    """What a route went through. Instants are epoch seconds."""

    broken: bool = False
    faults: float = 0.0  # lately, each weighing less as time goes
    returns_at: float = 0.0  # it waits until then
    back_at: float | None = None  # since when it is getting its traffic back; none: it is not being watched
    _noted_at: float = 0.0

    def note(self, normal: float, now: float) -> None:
        """Note the probability of normal, once a second."""
        self.faults *= 0.5 ** ((now - self._noted_at) / FAULTS_HALF_LIFE_S) if self._noted_at else 1.0
        self._noted_at = now
        if not self.broken and normal < BROKEN:
            self.broken, self.faults, self.back_at = True, self.faults + 1, None
        elif self.broken and normal > WELL:
            self.broken = False
            self.returns_at = now + min(FIRST_WAIT_S * 2 ** max(self.faults - 1, 0), LONGEST_WAIT_S)
            self.back_at = self.returns_at

    def waits(self, now: float) -> bool:
        """Tell whether it works again and must still wait."""
        return not self.broken and now < self.returns_at

    def most(self, now: float) -> float:
        """Give the largest share that it may have in the present stage of its return."""
        if self.back_at is None:
            return 1.0
        stage = int((now - self.back_at) // STAGE_S)
        return STAGES[max(stage, 0)] if stage < len(STAGES) else 1.0

    def follow(self, route: Route, now: float) -> None:
        """Go on from what another decider has published."""
        self.broken = route.state is RouteState.BROKEN
        self.faults, self._noted_at = route.faults, now
        if route.returns_at:
            self.back_at = self.returns_at = route.returns_at.timestamp()

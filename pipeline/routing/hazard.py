"""How often faults begin and end, learned from what was seen of them."""

from dataclasses import dataclass
from typing import Final

HALF_LIFE_S: Final = 3600.0
MOST: Final = 0.05  # of either rate, a second
BEGINS: Final = 0.3  # a fault begins when the settled probability of normal falls under this ...
ENDS: Final = 0.7  # ... and ends when it rises over this
LASTS_S: Final = 400.0  # a fault, as a guess
MEMORY_FAULTS: Final = 2.0  # so many faults weigh as much as the guesses

_KEPT: Final = 0.5 ** (1 / HALF_LIFE_S)  # each second


@dataclass(slots=True)
class Hazard:
    """Rates a second of one route or provider; `between_s` is the guess of the time between two faults."""

    between_s: float = 2500.0
    begun: float = 0.0
    normal_s: float = 0.0
    ended: float = 0.0
    faulty_s: float = 0.0
    faulty: bool = False
    begins: float = 0.0  # rate a second at which a fault begins ...
    ends: float = 0.0  # ... and ends

    def __post_init__(self) -> None:
        self._rate()

    def learn(self, normal: float) -> None:
        """Note a settled second with its probability of normal."""
        self.begun *= _KEPT
        self.ended *= _KEPT
        self.normal_s = self.normal_s * _KEPT + normal
        self.faulty_s = self.faulty_s * _KEPT + 1 - normal
        if not self.faulty and normal < BEGINS:
            self.faulty, self.begun = True, self.begun + 1
        elif self.faulty and normal > ENDS:
            self.faulty, self.ended = False, self.ended + 1
        self._rate()

    def _rate(self) -> None:
        self.begins = min((MEMORY_FAULTS + self.begun) / (MEMORY_FAULTS * self.between_s + self.normal_s), MOST)
        self.ends = min((MEMORY_FAULTS + self.ended) / (MEMORY_FAULTS * LASTS_S + self.faulty_s), MOST)

"""What a figure of a drill may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Value = float | None  # none: it was not found, which no limit allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limit of one figure."""

    figure: str
    least: float = float("-inf")
    most: float = float("inf")
    by_median: bool = False  # of several runs their median counts; else every one of them does

    def holds(self, values: Sequence[Value]) -> bool:
        """Tell whether the values of all runs are within it."""
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return False
        judged = [median(known)] if self.by_median else known
        return all(self.least <= value <= self.most for value in judged)

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least:g}"
        bound = f"at most {self.most:g}" if self.least == float("-inf") else f"at least {self.least:g}"
        return f"median {bound}" if self.by_median else bound


def at_most(figure: str, most: float, *, by_median: bool = False) -> Limit:
    """Limit a figure that is to be small."""
    return Limit(figure=figure, most=most, by_median=by_median)


def at_least(figure: str, least: float) -> Limit:
    """Limit a figure that is to be large."""
    return Limit(figure=figure, least=least)


def exactly(figure: str, value: float) -> Limit:
    """Limit a figure to one value."""
    return Limit(figure=figure, least=value, most=value)


NEVER: Final = (
    exactly("named_rightly", 1),
    *(exactly(figure, 0) for figure in ("lost", "duplicates_unexcused", "late", "mixed", "misrouted")),
)  # of every drill

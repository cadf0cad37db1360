"""Records in hand that only wait for something, and so are not in flight."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Parking:
    """Room for so many of them. Beyond that they wait as what is in flight, and hold back what comes after them."""

    def __init__(self, places: int) -> None:
        self._places = places
        self.parked = 0
        self.when_parked: Callable[[], None] = lambda: None  # the loop starts another record

    @contextmanager
    def park(self) -> Iterator[None]:
        """Count the record that is handled here as waiting, inside this block."""
        if self.parked >= self._places:
            yield
            return
        self.parked += 1
        try:
            self.when_parked()
            yield
        finally:
            self.parked -= 1

"""What a file that measures one figure has, so that one command can run any of them."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Protocol

from bench.ground import Surroundings
from bench.line import Line


class Measurement(Protocol):
    """A module. How much is measured is a dataclass of its own, `Size`."""

    __name__: str

    @property
    def Size(self) -> Callable[[], Any]:  # noqa: N802 - a class of the module
        """Give the size that the published figures have."""

    @property
    def QUICK(self) -> Any:  # noqa: N802 - a constant of the module
        """The least size that shows that it works."""

    @property
    def measure(self) -> Callable[[Surroundings, Any], Coroutine[Any, Any, dict[str, Any]]]:
        """Measure, and give the JSON. Raises EmbeddedError, BrokerAway."""

    @property
    def lines(self) -> Callable[[Mapping[str, Any]], Iterator[Line]]:
        """Give the figures of a JSON as people read them."""

"""What the types of settings say beyond Python's own: secrets, how large a number may be, what tables are called by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from pipeline.settings.problems import Path, Problem


class Secret:
    """Bytes that never show in a `repr`, a log or an error. `reference` says where they came from."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: bytes, reference: str = "...") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> bytes:
        """Give the bytes, at the one place that needs them."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


Key = Annotated[Secret, "32 bytes"]  # any other secret is a text


def within(least: float, most: float, why: str) -> Meta:
    """Give the smallest and the largest value of a number, both allowed, and what is good to know about them."""
    return Meta(ge=least, le=most, description=why)


def dashed(word: str) -> str:
    """Give the name that users chose: small letters and dashes, which no shell can export."""
    return word.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Name:
    """What the entries of a table are called by."""

    word: str  # for the reference of all settings
    of_variable: Callable[[str], str] = dashed  # the name that a part of a variable stands for
    audit: Callable[[Path], Iterator[Problem]] | None = None  # of a path that ends with such a name

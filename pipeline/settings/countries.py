"""Tables of the settings by country, of which one may be for all others."""

from collections.abc import Mapping
from typing import Final, TypeVar

EVERYWHERE: Final = "*"
T = TypeVar("T")


def for_country(table: Mapping[str, T], country: str) -> T | None:
    """Give what a table of the settings has for a country, else what it has for everywhere, else none."""
    return table.get(country) or table.get(EVERYWHERE)


def shares_for(routes: Mapping[str, Mapping[str, float]], country: str) -> Mapping[str, float]:
    """Give the shares of a country, else those of everywhere, else none."""
    return for_country(routes, country) or {}

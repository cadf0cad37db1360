"""Shares, breakers, what was tried -> the provider of this attempt."""

from collections.abc import Collection, Mapping
from typing import TypeVar
from zlib import crc32

EVERYWHERE = "*"
T = TypeVar("T")


def for_country(table: Mapping[str, T], country: str) -> T | None:
    """Give what a table of the settings has for a country, else what it has for everywhere, else none."""
    return table.get(country) or table.get(EVERYWHERE)


def shares_for(routes: Mapping[str, Mapping[str, float]], country: str) -> Mapping[str, float]:
    """Give the shares of a country, else those of everywhere, else none."""
    return for_country(routes, country) or {}


def choose(shares: Mapping[str, float], without: Collection[str], point: float) -> str | None:
    """Pick a provider in proportion to the shares of those that are left, by a point from 0 to 1.

    A provider of share 0 is a spare: it is picked only when nothing else is left. Gives none when nothing is left.
    """
    left = {name: share for name, share in shares.items() if name not in without}
    total = sum(left.values())
    if total <= 0:
        left = dict.fromkeys(left, 1.0)
        total = len(left)
    mark = point * total
    for name, share in left.items():
        mark -= share
        if mark < 0:
            return name
    return next(reversed(left), None)


def point_of(request_id: str, number: int) -> float:
    """Give the point of an attempt, the same at every redelivery."""
    return crc32(f"{request_id}.{number}".encode()) / 2**32

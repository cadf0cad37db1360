"""Shares, breakers, what was tried -> the provider of this attempt."""

from collections.abc import Collection, Mapping, Sequence
from zlib import crc32

from msgspec import Struct

from pipeline.dispatch.following import RoutePlan


class Eligible(Struct, frozen=True, kw_only=True):
    """The providers that an attempt may go through, were they not full."""

    shares: Mapping[str, float]
    instead: Mapping[str, float]  # those of them that may take what the chosen one has no place for


def eligible(
    plan: RoutePlan, shut: Collection[str], tried: Sequence[str], *, again: bool, strict: bool = False
) -> Eligible:
    """Give the providers for an attempt, without those that are `shut` now and those that were `tried`, oldest first.

    One that is not sound gets its share of first attempts that have all providers to choose from, and nothing else
    while a sound one is open; with `strict` nothing at all. One that is drained gets what no sound one is left for.
    When no untried one is left, none is; with `again`, all but the last are, or else that one.
    """
    if not shut and not tried:
        return Eligible(shares=plan.shares, instead=plan.sound)
    names = [name for name in plan.sound if name not in shut]
    if not any(name not in tried for name in names):
        names += [name for name in plan.drained if name not in shut]
    if not names and not strict:
        names = [name for name in plan.shares if name not in shut]
    shares = {name: plan.shares[name] for name in _left(names, tried, again=again)}
    return Eligible(shares=shares, instead=shares)


def _left(names: Sequence[str], tried: Sequence[str], *, again: bool) -> Sequence[str]:
    untried = [name for name in names if name not in tried]
    if untried or not again:
        return untried
    return [name for name in names if name not in tried[-1:]] or names


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

"""Route tables as they came -> how quickly traffic left the broken carriers, and what else was moved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, NamedTuple

from pipeline.records import RouteTable

NOTABLE: Final = 0.05  # a move of more than this share is one that people see
DRAINED: Final = 0.2  # a carrier with less than this share is drained

Shares = Mapping[str, float]  # provider -> 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A route table, and when it was seen. Epoch seconds."""

    came_at: float  # by this process's clock
    appended_at: float  # by the broker's
    table: RouteTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What was broken. Epoch seconds."""

    carriers: frozenset[str]  # none: nothing was
    countries: frozenset[str]
    onset_at: float  # of the first message that was swallowed
    until: float  # what comes later is not observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What became of the shares after the onset."""

    detected_s: float | None  # until a broken carrier has less than half of the share that it had
    why: str | None  # the reason that the table gave by which it was detected
    drained_s: float | None  # until it is drained in every country
    moved_wrongly: float  # points of share taken from carriers that work, by notable moves
    moves: int  # tables with a notable move
    moves_later: int  # of these, more than 30 s after the onset
    returns: int  # how often it was back over the share of a drained one, in the country where that was most often
    waits_s: tuple[float, ...]  # there: from each fall to the return
    waits_grow: bool  # in every country each wait is longer than the one before


LATER_S: Final = 30.0


class Point(NamedTuple):
    """The shares of a country from an instant on."""

    at: float  # epoch seconds; -inf: from the beginning
    shares: Shares
    why: str


History = Sequence[Point]  # of a country, oldest first


def histories(seen: Sequence[Seen], configured: Mapping[str, Shares], until: float) -> dict[str, History]:
    """Put the shares of each country in order, those of the settings first."""
    found = {country: [Point(float("-inf"), shares, "the settings")] for country, shares in configured.items()}
    for one in seen:
        if one.came_at <= until and one.table.country in found:
            shares = {route.provider: route.share for route in one.table.routes}
            found[one.table.country].append(Point(one.came_at, shares, one.table.why))
    return dict(found)


def shares_at(history: History, at: float) -> Shares:
    """Give the shares that held at an instant."""
    return next(point.shares for point in reversed(history) if point.at <= at)


def mean_shares(history_of: Mapping[str, History], at: float) -> Shares:
    """Give the shares of all countries together, each taken to have the same traffic."""
    total: dict[str, float] = {}
    for history in history_of.values():
        for provider, share in shares_at(history, at).items():
            total[provider] = total.get(provider, 0.0) + share / len(history_of)
    return total


def leader(tables: Mapping[str, RouteTable], configured: Mapping[str, Shares]) -> str:
    """Give the carrier with the most traffic of these countries, a country's leader before others with its share.

    All countries are taken to have the same traffic. One without a table yet follows the settings.
    """
    weights: dict[str, tuple[float, int]] = {}
    for country, shares in configured.items():
        table = tables.get(country)
        routes = [(route.provider, route.share, route.leader) for route in table.routes] if table else []
        for provider, share, leads in routes or [(name, share, False) for name, share in shares.items()]:
            before, led = weights.get(provider, (0.0, 0))
            weights[provider] = before + share, led + leads
    return max(weights, key=lambda name: weights[name])


def moves(history_of: Mapping[str, History], outage: Outage) -> Moves:
    """Judge the moves of all countries."""
    theirs = [history for country, history in history_of.items() if country in outage.countries]
    falls = list(chain.from_iterable(_falls(history, outage) for history in theirs))
    detected = min((half for half, _ in falls if half), default=None)
    drains = [drained for _, drained in falls]
    drained = None if None in drains else max((one for one in drains if one), default=None)
    waits = sorted((_waits(history, outage) for history in theirs), key=len)
    steps = list(chain.from_iterable(_steps(country, one, outage) for country, one in history_of.items()))
    return Moves(
        detected_s=_since(outage, detected),
        why=detected.why if detected else None,
        drained_s=_since(outage, drained),
        moved_wrongly=round(sum(points for _, _, points in steps), 1),
        moves=sum(largest > NOTABLE for _, largest, _ in steps),
        moves_later=sum(largest > NOTABLE and at > outage.onset_at + LATER_S for at, largest, _ in steps),
        returns=len(waits[-1]) if waits else 0,
        waits_s=waits[-1] if waits else (),
        waits_grow=all(before < after for one in waits for before, after in pairwise(one)),
    )


def _since(outage: Outage, point: Point | None) -> float | None:
    return round(point.at - outage.onset_at, 3) if point else None


def _falls(history: History, outage: Outage) -> Iterator[tuple[Point | None, Point | None]]:
    """Give for each broken carrier that had traffic here when it had half of its share, and when it was drained."""
    for carrier, had in shares_at(history, outage.onset_at).items():
        if carrier in outage.carriers and had >= DRAINED:
            yield _fall(history, carrier, had / 2, outage), _fall(history, carrier, DRAINED, outage)


def _fall(history: History, carrier: str, below: float, outage: Outage) -> Point | None:
    later = (point for point in history if point.at > outage.onset_at)
    return next((point for point in later if point.shares.get(carrier, 0.0) < below), None)


def _waits(history: History, outage: Outage) -> tuple[float, ...]:
    """Give the seconds from each time a broken carrier was drained to its return."""
    waits = []
    for carrier in outage.carriers:
        fell_at, high = None, shares_at(history, outage.onset_at).get(carrier, 0.0) >= DRAINED
        for at, shares, _ in history:
            if at <= outage.onset_at:
                continue
            before, high = high, shares.get(carrier, 0.0) >= DRAINED
            if before and not high:
                fell_at = at
            elif high and not before and fell_at is not None:
                waits.append(round(at - fell_at, 1))
    return tuple(waits)


def _steps(country: str, history: History, outage: Outage) -> Iterator[tuple[float, float, float]]:
    """Give each change after the onset: when, the largest change of a share, and what notable ones took wrongly."""
    broken = outage.carriers if country in outage.countries else frozenset()
    for (_, before, _), (at, after, _) in pairwise(history):
        if at <= outage.onset_at:
            continue
        lost = {name: before.get(name, 0.0) - after.get(name, 0.0) for name in {*before, *after}}
        wrongly = sum(share * 100 for name, share in lost.items() if share > NOTABLE and name not in broken)
        yield at, max(map(abs, lost.values()), default=0.0), wrongly

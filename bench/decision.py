"""What the choice of a provider costs: the table of the country, the breakers, and the point of the attempt."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any, Final, cast

from bench.ground import CARRIER, Surroundings, machine
from bench.line import Line, at_most
from pipeline.dispatch.choice import choose, point_of
from pipeline.records import Mode, Route, RouteState, RouteTable, encode
from pipeline.records.topics import ROUTES
from pipeline.settings import Settings
from providers.seam import Provider
from workers.dispatch.accounts import Accounts
from workers.loop import Record

LIMIT_US: Final = 5.0
MICRO: Final = 1e6
PROVIDERS: Final = (3, 4, 6, 8)
COUNTRIES: Final = ("DE", "ES", "FR", "GB", "IT", "NL", "PL", "US")
NOBODY: Final = cast("Provider", None)  # nothing is sent
PROBED: Final = 0.02  # of the traffic, for each but the leader


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    decisions: int = 200_000


QUICK: Final = Size(decisions=1000)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Measure first attempts, and next ones that leave out a provider, among so many providers."""
    found = {}
    for count in PROVIDERS:
        around.tell(f"{count} providers")
        names = [f"carrier-{number}" for number in range(count)]
        accounts = _accounts(around.settings, names)
        found[str(count)] = {
            "first_us": _cpu_us(accounts, (), size.decisions),
            "next_us": _cpu_us(accounts, names[:1], size.decisions),
        }
    return {"providers": found, **machine()}


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    for count, figures in found["providers"].items():
        yield at_most(figures["first_us"], LIMIT_US, f"{count} providers: choose one for a first attempt", " us")
        yield at_most(figures["next_us"], LIMIT_US, f"{count} providers: choose another one for the next", " us")


def _cpu_us(accounts: Accounts, tried: tuple[str, ...] | list[str], count: int) -> float:
    attempts = list(islice(zip(cycle(COUNTRIES), (f"request-{n:012}" for n in range(count)), strict=False), count))
    began = time.process_time()
    for country, request_id in attempts:
        choose(accounts.eligible(country, tried, again=True, rescue=False).shares, (), point_of(request_id, 1))
    return round((time.process_time() - began) * MICRO / count, 2)


def _accounts(settings: Settings, names: list[str]) -> Accounts:
    """Give accounts of these providers, with a table for each country."""
    account = settings.providers[CARRIER]
    routes = {"*": dict.fromkeys(names, 100 / len(names))}
    ours = replace(settings, providers=dict.fromkeys(names, account), routes=routes)
    accounts = Accounts(ours, dict.fromkeys(names, NOBODY))
    for country in COUNTRIES:
        accounts.tables.take(_record(country, names))
    assert accounts.tables.figures()["tables"] == len(COUNTRIES)
    return accounts


def _record(country: str, names: list[str]) -> Record:
    now = datetime.now(UTC)
    shares = [1 - PROBED * (len(names) - 1), *[PROBED] * (len(names) - 1)]
    table = RouteTable(
        country=country,
        revision=1,
        decided_at=now,
        changed_at=now,
        mode=Mode.AUTOMATIC,
        why="",
        routes=tuple(_route(name, share) for name, share in zip(names, shares, strict=True)),
    )
    stamp_ms = int(now.timestamp() * 1000)
    return Record(topic=ROUTES.name, partition=0, offset=0, key=None, value=encode(table), timestamp_ms=stamp_ms)


def _route(provider: str, share: float) -> Route:
    return Route(
        provider=provider, share=share, state=RouteState.NORMAL, normal=1.0, usual=0.95, due=10.0, seen=9, window_s=8
    )

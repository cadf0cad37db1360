"""One row for each provider of a country, and the versions of the configuration that messages carry."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from pipeline.evidence.delays import quantile_s, usual_arrivals
from pipeline.evidence.routes import Evidence, RouteEvidence
from pipeline.records import Route, RouteTable
from pipeline.routing.explain import heard
from pipeline.routing.memory import REPORTED

LATELY_S: Final = 60  # messages of a route are counted over so long
ENOUGH_DUE: Final = 3.0  # receipts, from which on a share of them says something
LATE: Final = 0.95  # share of receipts that have come by the p95
_USUAL: Final = usual_arrivals()


class RouteRow(Struct, frozen=True, kw_only=True):
    """One provider in one country."""

    provider: str
    share: float  # of the country's traffic
    leader: bool
    state: str
    delivered: float | None  # share of messages that it delivers now; none: too few receipts are due
    usual: float  # share of messages that it delivers when it works
    p95_s: float | None  # 95 in 100 receipts have come by then; none: it sends none
    sent: int  # messages of the last minute
    says: str
    returns_at: datetime | None


class CountryRow(Struct, frozen=True, kw_only=True):
    """One country."""

    country: str
    mode: str
    why: str
    changed_at: datetime
    decided_at: datetime
    revision: int
    codes_per_s: float
    routes: tuple[RouteRow, ...]


class Version(Struct, frozen=True, kw_only=True):
    """One version of the configuration, by the messages that carry it."""

    config: str
    sent: int  # in the last minute
    newest: int  # the last second in which it was used


def country_row(table: RouteTable, evidence: Evidence, now: int) -> CountryRow:
    """Put a table and what is known of its routes into a row."""
    found = [(route, evidence.route(route.provider, table.country)) for route in table.routes]
    first = sum(_first(known, now) for _, known in found)
    return CountryRow(
        country=table.country,
        mode=table.mode,
        why=table.why,
        changed_at=table.changed_at,
        decided_at=table.decided_at,
        revision=table.revision,
        codes_per_s=round(first / LATELY_S, 1),
        routes=tuple(_route_row(route, known, now) for route, known in found),
    )


def delivered(route: Route) -> float | None:
    """Give the share of messages that a provider delivers now, as far as receipts tell."""
    return round(min(route.seen / route.due / REPORTED, 1.0), 4) if route.due >= ENOUGH_DUE else None


def versions(evidence: Evidence, now: int) -> list[Version]:
    """Give the versions that are in use, the newest first."""
    found: dict[str, tuple[int, int]] = {}
    for route in evidence.routes.values():
        for second, buckets in route.seconds.items():
            for config, bucket in buckets.items():
                sent, newest = found.get(config, (0, 0))
                found[config] = (sent + bucket.accepted * (second > now - LATELY_S), max(newest, second))
    rows = (Version(config=config, sent=sent, newest=newest) for config, (sent, newest) in found.items())
    return sorted(rows, key=lambda row: (-row.newest, row.config))


def _route_row(route: Route, known: RouteEvidence, now: int) -> RouteRow:
    arrivals = known.receipts.delays.arrivals(_USUAL)
    return RouteRow(
        provider=route.provider,
        share=route.share,
        leader=route.leader,
        state=route.state,
        delivered=delivered(route),
        usual=route.usual,
        p95_s=quantile_s(arrivals, LATE) if known.receipts.heard else None,
        sent=sum(bucket.accepted for second in _lately(now) for bucket in known.seconds.get(second, {}).values()),
        says=heard(route),
        returns_at=route.returns_at,
    )


def _first(known: RouteEvidence, now: int) -> int:
    return sum(bucket.first for second in _lately(now) for bucket in known.seconds.get(second, {}).values())


def _lately(now: int) -> range:
    return range(now - LATELY_S + 1, now + 1)

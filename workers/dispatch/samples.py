"""What the metrics of a dispatcher are told of its parts, when somebody asks."""

import time
from collections import Counter
from collections.abc import Iterator

from pipeline.settings import DispatchSettings
from workers.dispatch.accounts import Accounts
from workers.dispatch.tables import Tables
from workers.kafka import KafkaProducer
from workers.loop import Figures, Loop
from workers.metrics import Metrics, Sample
from workers.metrics import definitions as d
from workers.metrics.labels import DISPATCHED
from workers.state.claims import Claims


def watch_dispatch(
    metrics: Metrics, policy: DispatchSettings, loop: Loop, accounts: Accounts, claims: Claims, producer: KafkaProducer
) -> None:
    """Let the metrics have what the parts know."""
    metrics.watch(lambda: _of_loop(loop.figures()))
    metrics.watch(lambda: _of_accounts(accounts))
    metrics.watch(lambda: _of_tables(accounts.tables, producer))
    metrics.watch(lambda: _of_claims(claims))
    metrics.watch(lambda: [Sample(d.BROKER_UP, producer.available and not loop.figures().broker_away)])
    metrics.watch(lambda: [Sample(d.IDLE_LIMIT, policy.watchdog_s)])


def _of_loop(figures: Figures) -> Iterator[Sample]:
    yield Sample(d.MEMBER, figures.member)
    yield Sample(d.IN_FLIGHT, figures.in_flight)
    yield Sample(d.PARKED, figures.parked)
    yield Sample(d.BUFFERED, figures.buffered)
    yield Sample(d.UNFINISHED, figures.unfinished)
    yield Sample(d.MAP, figures.map_characters)
    yield Sample(d.IDLE, figures.idle_s)
    lag, paused = Counter[str](), Counter(partition.topic for partition in figures.paused)
    for partition, records in figures.lag.items():
        lag[partition.topic] += records
    for topic in DISPATCHED.values:
        yield Sample(d.LAG, lag[topic], (topic,))
        yield Sample(d.PAUSED, paused[topic], (topic,))


def _of_accounts(accounts: Accounts) -> Iterator[Sample]:
    opened = accounts.open_breakers(time.monotonic())
    for name, account in accounts.all.items():
        yield Sample(d.BREAKERS_OPEN, len(opened.get(name, ())), (name,))
        yield Sample(d.BUDGET, account.budget.left, (name,))
        yield Sample(d.SECOND_SENDS_REFUSED, account.budget.refused, (name,))
        yield Sample(d.SENDS_IN_FLIGHT, account.permits.in_flight, (name,))


def _of_tables(tables: Tables, producer: KafkaProducer) -> Iterator[Sample]:
    yield Sample(d.TABLES_STALE, len(tables.stale))
    for country, age_s in tables.ages_s(producer.clock.now()).items():
        yield Sample(d.TABLE_AGE, age_s, (country,))
    for reason, count in tables.refused.items():
        yield Sample(d.TABLES_REFUSED, count, (reason,))


def _of_claims(claims: Claims) -> Iterator[Sample]:
    yield Sample(d.STORE_OWED, claims.owed)
    for verdict, count in claims.verdicts.items():
        yield Sample(d.CLAIMS, count, (verdict,))

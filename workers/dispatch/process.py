"""The dispatcher's process: its parts, wired."""

import asyncio
import gc
import os
import secrets
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from typing import Final

from pipeline.errors import DeadReason, InvalidMessage, StoreAway
from pipeline.message.text_costs import avoidable_segments, sign_name
from pipeline.records.topics import CONSUMED_BY, DISPATCH_GROUP, ROUTES, VERIFICATIONS
from pipeline.settings import Settings
from pipeline.settings.problems import dotted
from pipeline.settings.show import config_hash
from providers import providers_of
from workers.dispatch.accounts import Accounts
from workers.dispatch.dispatcher import Dispatcher
from workers.dispatch.handover import HandOver
from workers.dispatch.orders import obeying
from workers.dispatch.reporting import Reporting
from workers.dispatch.samples import watch_dispatch
from workers.dispatch.tables import Tables
from workers.dispatch.unsealer import Unsealer
from workers.kafka import BrokerClock, KafkaConsumer, KafkaProducer, PassedOver, TopicFollower, create_topics
from workers.log import get_log
from workers.loop import Limits, Loop, Parking, Record
from workers.metrics import Metrics, Sample, metrics_of
from workers.metrics.definitions import BATCHES_UNREADABLE
from workers.state.caller_reports import Reports
from workers.state.claims import Claims
from workers.state.client import Store
from workers.state.epoch import Epoch
from workers.state.samples import watch_store
from workers.state.watching import watched
from workers.web.admin import Readiness, admin_server

# New objects between two searches for unused cycles, and how many searches pass between two larger ones. Every search
# looks at what is in flight: with Python's own figures (700, 10, 10) they take a sixth of the CPU.
GARBAGE: Final = (50_000, 20, 50)
PARKED: Final = 2000  # requests that may wait for a permit: 2 s of 1,000 a second too many, at 5 kB each
TABLES_S: Final = 2.0  # that a start waits for the route tables; without them the shares of the settings hold
CONSUMED: Final = CONSUMED_BY[DISPATCH_GROUP]
# What a bad release of ours could make of every caller's good records; a wrong number or key is its caller's own.
OWN_FAULTS: Final = frozenset(
    {DeadReason.UNDECODABLE, DeadReason.INVALID_FIELD, DeadReason.UNRENDERABLE, DeadReason.DEFECT}
)

log = get_log("dispatch")


def is_own_fault(error: Exception, callers: Collection[str]) -> bool:
    """Tell failures that a release of ours may have caused from those of one caller's making.

    Who a record is from is what it says of itself, so a name that is no caller's says nothing.
    """
    return isinstance(error, InvalidMessage) and error.reason in OWN_FAULTS and error.source in callers


def warn_of_costs(settings: Settings) -> None:
    """Log the brands and templates that take more segments than they need."""
    for costly in avoidable_segments(settings):
        signs = [sign_name(sign) for sign in costly.signs]
        log.warning("message.dear", setting=dotted(costly.path), signs=signs, segments=costly.segments)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Dispatch until told to stop. Raises SettingsError, CannotGoOn, and what a broken Kafka client raises."""
    gc.set_threshold(*GARBAGE)
    warn_of_costs(settings)
    await create_topics(settings.kafka)
    metrics = metrics_of("dispatch", settings)
    async with (
        dispatching(settings, metrics) as (loop, accounts, store),
        admin_server(settings.admin, lambda: _readiness(loop, accounts, store), metrics),
    ):
        await loop.run(stop)


@asynccontextmanager
async def dispatching(settings: Settings, metrics: Metrics) -> AsyncIterator[tuple[Loop, Accounts, Store]]:
    """Give a loop, its accounts and the store, with everything behind them, started and closed in order."""
    async with AsyncExitStack() as parts:
        store = Store(settings.state)
        watch_store(store, metrics)
        parts.push_async_callback(store.close)
        providers = providers_of(settings)
        for provider in providers.values():
            parts.push_async_callback(provider.close)
        producer = KafkaProducer(settings.kafka)
        parts.push_async_callback(producer.stop)
        await producer.start()
        epoch = Epoch(store, producer.clock)
        with suppress(StoreAway):  # it is settled when the store comes back
            await epoch.settle()
        await parts.enter_async_context(watched(store, epoch, producer.clock))
        passed = PassedOver(producer)
        tables = await parts.enter_async_context(_following(settings, producer.clock))
        parking = Parking(PARKED)
        accounts = Accounts(settings, providers, tables=tables, parking=parking)
        owner = f"{os.getpid()}.{secrets.token_hex(6)}"
        claims = Claims(store, owner=owner, lease_s=settings.dispatch.lease_s, now_ms=producer.clock.epoch_ms)
        dispatcher = _dispatcher(settings, claims, accounts, producer, metrics)
        reporting = Reporting(settings.callers, settings.state.keep_s, Reports(store), producer.clock)
        loop = _loop(settings, dispatcher, reporting, producer, passed, parking)
        watch_dispatch(metrics, settings.dispatch, loop, accounts, claims, producer)
        metrics.watch(lambda: [Sample(BATCHES_UNREADABLE, n, (topic,)) for topic, n in passed.batches.items()])
        await parts.enter_async_context(obeying(settings.kafka, tables, loop.resume, producer.clock))
        yield loop, accounts, store


@asynccontextmanager
async def _following(settings: Settings, clock: BrokerClock) -> AsyncIterator[Tables]:
    """Give the route tables, those that are there at once, and follow them while the block runs."""
    tables = Tables(settings.routes)

    def take(record: Record) -> None:
        clock.witness(record.timestamp_ms)
        tables.take(record)

    follower = TopicFollower(settings.kafka, [ROUTES.name], take)
    jobs = [asyncio.create_task(work) for work in (follower.run(), tables.keep_looking(clock.now))]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(TABLES_S):
                await follower.caught_up.wait()
        yield tables
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.wait(jobs)


def _dispatcher(
    settings: Settings, claims: Claims, accounts: Accounts, producer: KafkaProducer, metrics: Metrics
) -> Dispatcher:
    unsealer = Unsealer(settings=settings)
    return Dispatcher(
        settings,
        producer=producer,
        claims=claims,
        accounts=accounts,
        unsealer=unsealer,
        hand_over=HandOver(settings, config_hash(settings), unsealer, claims, producer.clock),
        clock=producer.clock,
        metrics=metrics,
    )


def _loop(
    settings: Settings,
    dispatcher: Dispatcher,
    reporting: Reporting,
    producer: KafkaProducer,
    passed: PassedOver,
    parking: Parking,
) -> Loop:
    policy = settings.dispatch
    limits = Limits(in_flight=policy.in_flight, drain_s=policy.drain_s, watchdog_s=policy.watchdog_s)
    consumer = KafkaConsumer(
        settings.kafka,
        group=DISPATCH_GROUP,
        topics=[topic.name for topic in CONSUMED],
        rebalance_s=limits.rebalance_s,
        passed=passed,
    )

    async def handle(record: Record) -> None:
        producer.clock.witness(record.timestamp_ms)
        await (reporting if record.topic == VERIFICATIONS.name else dispatcher).handle(record)

    return Loop(
        consumer,
        handle,
        dispatcher.dead_letter,
        now=producer.clock.epoch_s,
        delays_s={topic.name: topic.delay.total_seconds() for topic in CONSUMED},
        is_own_fault=lambda error: is_own_fault(error, settings.callers),
        limits=limits,
        parking=parking,
    )


def _readiness(loop: Loop, accounts: Accounts, store: Store) -> Readiness:
    figures = asdict(loop.figures())
    figures |= {
        "lag": sum(figures["lag"].values()),
        "store": "up" if store.available else "away",
        **accounts.tables.figures(),
        "breakers": accounts.open_breakers(time.monotonic()),
        "paused": sorted(f"{place.topic}/{place.number}" for place in loop.paused),
    }
    return Readiness(ready=figures["member"] and not figures["broker_away"], figures=figures)

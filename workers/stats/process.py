"""The statistics process: its parts, wired."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from pipeline.errors import BrokerAway
from pipeline.evidence.routes import Evidence
from pipeline.routing import Router
from pipeline.settings import Settings
from workers.kafka import KafkaProducer, KafkaReader, PassedOver, create_topics
from workers.log import get_log
from workers.metrics import Metrics, Sample, metrics_of
from workers.metrics.definitions import BATCHES_UNREADABLE
from workers.stats.decider import FRESH_S, Decider
from workers.stats.follower import FOLLOWED, Follower
from workers.stats.membership import Membership
from workers.stats.samples import watch_counting, watch_decisions
from workers.stats.sources import Sources
from workers.stats.stream import Stream
from workers.stats.tallier import Tallier
from workers.stats.watchdog import Watchdog
from workers.web.admin import Readiness, admin_server

FAREWELL_S: Final = 2.0  # for the last tallies
END_S: Final = 8.0  # for everything that is left to do at the end

log = get_log("stats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What runs."""

    producer: KafkaProducer
    follower: Follower
    decider: Decider
    membership: Membership
    tallier: Tallier
    stream: Stream
    watchdog: Watchdog

    @property
    def works(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        """What goes on for ever, and ends with an error alone."""
        return self.follower.run, self.tallier.run, self.watchdog.run, self.stream.run, self.producer.watch


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Count and decide until told to stop. Raises SettingsError, TopicMismatch, BrokerAway and CannotGoOn."""
    await create_topics(settings.kafka)
    metrics = metrics_of("stats", settings)
    async with (
        counting(settings, metrics) as parts,
        admin_server(settings.admin, lambda: _readiness(parts), metrics),
    ):
        async with _beside(*(part() for part in parts.works)) as jobs:
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({stopped, *jobs}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            _end_within(END_S)
        with suppress(BrokerAway, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await parts.tallier.publish()


def _end_within(seconds: float) -> None:
    """End the process by then, whatever it hangs on: faust may wait for its threads for ever, holding all others."""
    timer = threading.Timer(seconds, _cut_short)
    timer.daemon = True
    timer.start()


def _cut_short() -> None:
    log.error("worker.cut_short", wait_s=END_S)
    os._exit(1)


@asynccontextmanager
async def counting(settings: Settings, metrics: Metrics) -> AsyncIterator[Parts]:
    """Give the parts, connected, and close them in order."""
    async with AsyncExitStack() as ends:
        producer = KafkaProducer(settings.kafka)
        ends.push_async_callback(producer.stop)
        await producer.start()
        reader = KafkaReader(settings.kafka, [topic.name for topic in FOLLOWED])
        ends.push_async_callback(reader.stop)
        await reader.start()
        sources = Sources(settings.kafka)
        ends.push_async_callback(sources.stop)
        await sources.start()
        passed = PassedOver(producer)
        parts = _wired(settings, producer, reader, sources, passed)
        metrics.watch(lambda: [Sample(BATCHES_UNREADABLE, n, (topic,)) for topic, n in passed.batches.items()])
        watch_decisions(metrics, parts.decider, parts.follower)
        watch_counting(metrics, parts.membership, parts.tallier, parts.watchdog, producer)
        ends.push_async_callback(parts.stream.stop)
        yield parts


def _wired(
    settings: Settings, producer: KafkaProducer, reader: KafkaReader, sources: Sources, passed: PassedOver
) -> Parts:
    membership = Membership(settings.kafka.session_timeout_s, time.monotonic)
    evidence = Evidence(sources.counts)
    carried = {name: each.per_second for name, each in settings.providers.items() if each.per_second is not None}
    decider = Decider(Router(settings.routes, carried), settings.routes, evidence, producer, membership.decides)
    follower = Follower(reader, sources, evidence, decider)
    tallier = Tallier(sources, follower.caught_up, membership, producer, settings.providers)
    stream = Stream(settings.kafka, tallier, passed)
    return Parts(
        producer=producer,
        follower=follower,
        decider=decider,
        membership=membership,
        tallier=tallier,
        stream=stream,
        watchdog=Watchdog(sources, membership, tallier),
    )


@asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run works beside the block; at its end they are cancelled, and the first failure is raised."""
    jobs = [asyncio.create_task(work) for work in works]
    try:
        yield jobs
        for job in jobs:
            if job.done() and (error := job.exception()):
                log.error("work.failed", exc_info=error)  # now: the end may be cut short
                raise error
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.wait(jobs)


def _readiness(parts: Parts) -> Readiness:
    tallier, decider, watchdog = parts.tallier, parts.decider, parts.watchdog
    age_s = decider.age_s
    return Readiness(
        ready=parts.membership.is_member and not watchdog.broker_away and age_s is not None and age_s <= FRESH_S,
        figures={
            "member": parts.membership.is_member,
            "partitions": len(parts.membership.sources),
            **tallier.figures,
            "ignored": dict(tallier.ignored),
            "lag": watchdog.lag,
            "age_s": None if age_s is None else round(age_s, 3),
            "deciding": decider.deciding,
            "tables": decider.tables,
            "unreadable": dict(parts.follower.unreadable),
            "broker_away": watchdog.broker_away,
        },
    )

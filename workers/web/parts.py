"""What the handlers of our HTTP servers are made of, connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from pipeline.errors import BrokerAway, StoreAway
from pipeline.settings import KafkaSettings, Settings
from workers.kafka import KafkaProducer, create_topics
from workers.metrics import Metrics, Sample, metrics_of
from workers.metrics.definitions import BROKER_UP
from workers.state.checks import Checks
from workers.state.client import Store
from workers.state.epoch import Clock
from workers.state.receipts import ReceiptRows
from workers.state.samples import watch_store
from workers.state.watching import watched
from workers.web.publishing import Publisher

RETRY_S: Final = 0.5  # between tries to reach Kafka for its topics

CONNECTING_S: Final = 1.0  # for a connection that is being made when told to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts that a handler may need."""

    settings: Settings
    publisher: Publisher
    checks: Checks
    receipt_rows: ReceiptRows
    clock: Clock
    metrics: Metrics


@contextlib.asynccontextmanager
async def connected(settings: Settings, process: str) -> AsyncIterator[Parts]:
    """Connect to Kafka and the store beside the block: a server can say from its start that one of them is away."""
    metrics = metrics_of(process, settings)
    producer, store = KafkaProducer(settings.kafka), Store(settings.state)
    checks = Checks(store, producer.clock, settings)
    publisher = Publisher(producer, settings.kafka.send_timeout_s)
    watch_store(store, metrics)
    metrics.watch(lambda: [Sample(BROKER_UP, publisher.available)])
    connecting = asyncio.create_task(_connect(producer, settings.kafka))
    connecting.add_done_callback(lambda task: publisher.give_up(None if task.cancelled() else task.exception()))
    try:
        with contextlib.suppress(StoreAway):  # it is settled when the store is there
            await checks.settle()
        async with watched(store, checks.epoch, producer.clock):
            yield Parts(
                settings=settings,
                publisher=publisher,
                checks=checks,
                receipt_rows=ReceiptRows(store, producer.clock),
                clock=producer.clock,
                metrics=metrics,
            )
    finally:
        # aiokafka leaves a connection open that is cancelled while it is made.
        await asyncio.wait([connecting], timeout=CONNECTING_S)
        connecting.cancel()
        await asyncio.wait([connecting])
        await producer.stop()
        await store.close()


async def _connect(producer: KafkaProducer, settings: KafkaSettings) -> None:
    await producer.start()
    while True:
        try:
            await create_topics(settings)
        except BrokerAway:
            await asyncio.sleep(RETRY_S)
        else:
            return

"""Operators' orders on their topic: given, withdrawn, listed. The command line and the page call it."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from pipeline.errors import InvalidMessage
from pipeline.orders import Accepted, Outlook, Refused, Situation, asked, judge, outlook, withdrawn
from pipeline.orders.wanted import PAUSABLE
from pipeline.records import Order, RouteTable, decode, encode
from pipeline.records.topics import CONTROL, ROUTES
from pipeline.settings import KafkaSettings, Settings
from workers.kafka import BrokerClock, KafkaAdmin, KafkaProducer
from workers.operator_actions.waiting import in_time

KEPT: Final = timedelta(days=1)  # an order that has been over for so long is swept from the topic
UNACKNOWLEDGED: Final = (
    "Kafka: it does not acknowledge in time, so whether the order is followed is unknown; "
    "`ithaca orders list` shows it once Kafka answers"
)


class Producer(Protocol):
    """What orders need of Kafka."""

    def send(self, topic: str, key: str, value: bytes) -> Awaitable[Any]:
        """Start to produce a record; the awaitable ends when Kafka has acknowledged it."""
        ...

    def withdraw(self, topic: str, key: str) -> Awaitable[Any]:
        """Start to take a key from a compacted topic."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What is on the topics that orders are judged by."""

    orders: Mapping[str, Order]  # by id; those that are over may be among them
    tables: Mapping[str, RouteTable]  # the newest of each country
    partitions: Mapping[str, int]  # of the topics that dispatch consumes
    broken: int  # records that are neither orders nor tables
    now: datetime  # broker time, as far as reading tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order that was given; dry, one that would be."""

    accepted: Accepted
    outlook: tuple[Outlook, ...]


async def read(kafka: KafkaSettings) -> Control:
    """Read all orders and tables. Raises BrokerAway."""
    clock, broken, orders, tables = BrokerClock(), 0, dict[str, Order](), dict[str, RouteTable]()
    async with KafkaAdmin(kafka) as admin:
        async for record in admin.read(CONTROL.name):
            clock.witness(record.timestamp_ms)
            key = (record.key or b"").decode(errors="replace")
            orders.pop(key, None)
            if record.value is not None:
                try:
                    orders[key] = decode(Order, record.value)
                except InvalidMessage:
                    broken += 1
        async for record in admin.read(ROUTES.name):
            clock.witness(record.timestamp_ms)
            try:
                table = decode(RouteTable, record.value)
                tables[table.country] = table
            except InvalidMessage:
                broken += record.value is not None
        partitions = {topic.name: len(topic.ends) for topic in await admin.topics(PAUSABLE)}
    return Control(orders=orders, tables=tables, partitions=partitions, broken=broken, now=clock.now())


def situation(settings: Settings, control: Control) -> Situation:
    """Give what an order is judged by."""
    return Situation(
        routes=settings.routes,
        tables=control.tables,
        orders=tuple(control.orders.values()),
        partitions=control.partitions,
    )


def decide(document: Mapping[str, object], author: str, known: Situation, now: datetime) -> PlacedOrder | Refused:
    """Read and judge what somebody asks for. Nothing is published."""
    wanted = asked(document, author, now)
    if isinstance(wanted, Refused):
        return wanted
    verdict = judge(wanted, known, now, secrets.token_hex(8))
    if isinstance(verdict, Refused):
        return verdict
    return PlacedOrder(accepted=verdict, outlook=outlook(verdict, known, now))


async def publish(producer: Producer, accepted: Accepted, orders: Iterable[Order]) -> None:
    """Put an order on the topic, and take back those that it replaces and those that are long over.

    The new one comes first: at no time is there none.
    """
    order = accepted.order
    await producer.send(CONTROL.name, order.order_id, encode(order))
    over = [old.order_id for old in orders if old.expires_at < order.at - KEPT]
    for order_id in (*accepted.replaces, *over):
        await producer.withdraw(CONTROL.name, order_id)


async def give(
    settings: Settings, document: Mapping[str, object], *, author: str, dry: bool = False
) -> PlacedOrder | Refused:
    """Judge an order by what is on the topics now, and publish it unless it is refused. Raises BrokerAway."""
    control = await read(settings.kafka)
    given = decide(document, author, situation(settings, control), control.now)
    if isinstance(given, PlacedOrder) and not dry:
        async with _producing(settings.kafka) as producer:
            await publish(producer, given.accepted, control.orders.values())
    return given


async def withdraw(settings: Settings, order_id: str, *, dry: bool = False) -> Order | Refused:
    """Withdraw an order that is in force. Raises BrokerAway."""
    control = await read(settings.kafka)
    order = withdrawn(order_id, control.orders.values(), control.now)
    if isinstance(order, Order) and not dry:
        async with _producing(settings.kafka) as producer:
            await producer.withdraw(CONTROL.name, order.order_id)
    return order


@asynccontextmanager
async def _producing(kafka: KafkaSettings) -> AsyncIterator[KafkaProducer]:
    """Give a producer, and wait for its acknowledgements no longer than people do. Raises BrokerAway."""
    producer = KafkaProducer(kafka)
    try:
        async with in_time(UNACKNOWLEDGED):
            await producer.start()
            yield producer
    finally:
        await producer.stop()

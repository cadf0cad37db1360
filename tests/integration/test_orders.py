"""Orders from the command line to the table that follows them, on a real broker."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.orders import Accepted
from pipeline.records import Mode, Order, OrderKind, RouteState, RouteTable, encode
from pipeline.records.topics import ATTEMPTS, CONTROL
from pipeline.settings import KafkaSettings
from tests.integration.statistics import Statistics, now, statistics, until
from tests.samples import ATTEMPT
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaProducer, create_topics
from workers.operator_actions.orders import KEPT, publish, read

CARRIERS = ("carrier-a", "carrier-b", "carrier-c")
WHY = ("--reason", "a drill", "--for", "10m", "--author", "maria")


@pytest.fixture
async def stats(kafka: EmbeddedKafka, prefix: str, tmp_path: Path) -> AsyncIterator[Statistics]:
    async with statistics(kafka.bootstrap, prefix, tmp_path, partitions=1) as made:
        yield made


def ithaca(kafka: KafkaSettings, *words: str) -> "subprocess.CompletedProcess[str]":
    outside = {key: value for key, value in os.environ.items() if not key.startswith("ITHACA_")}
    ours = {"ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap, "ITHACA_KAFKA__PREFIX": kafka.prefix}
    command = [sys.executable, "-m", "workers", *words, "--json", "-"]
    return subprocess.run(command, env=outside | ours, capture_output=True, text=True, timeout=60, check=False)


async def orders(kafka: KafkaSettings, *words: str, code: int = 0) -> Any:
    """Run `ithaca orders ...`, and give its JSON."""
    done = await asyncio.to_thread(ithaca, kafka, "orders", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


async def newest(stats: Statistics) -> RouteTable | None:
    tables = [table for table in await stats.tables() if table.country == "GB"]
    return tables[-1] if tables else None


def comes(stats: Statistics, condition: Callable[[RouteTable], bool]) -> Callable[[], Any]:
    async def look() -> bool:
        table = await newest(stats)
        return table is not None and condition(table)

    return look


def share(table: RouteTable, provider: str) -> float:
    return next(route.share for route in table.routes if route.provider == provider)


def state(table: RouteTable, provider: str) -> RouteState:
    return next(route.state for route in table.routes if route.provider == provider)


async def test_orders_are_followed_by_the_tables_until_they_are_withdrawn(stats: Statistics) -> None:
    async with stats.log() as log, stats.process("one"):
        for carrier in CARRIERS:
            await log.send(ATTEMPTS, encode(replace(ATTEMPT, sent_at=now(), provider=carrier)))
        await until("the first table comes", comes(stats, lambda table: table.mode is Mode.AUTOMATIC))
        leader = "carrier-a"

        dry = await orders(stats.kafka, "pin", "carrier-c", "--country", "GB", *WHY, "--dry-run")
        pin = await orders(stats.kafka, "pin", "carrier-c", "--country", "GB", *WHY)
        await until("the pin is followed", comes(stats, lambda table: table.mode is Mode.PINNED))
        pinned = await newest(stats)
        listed = await orders(stats.kafka, "list")

        await orders(stats.kafka, "withdraw", pin["order"]["order_id"])
        await until("automation is back", comes(stats, lambda table: table.mode is Mode.AUTOMATIC))
        back = await newest(stats)

        ban = await orders(stats.kafka, "ban", leader, "--country", "all", *WHY)
        await until("the ban is followed", comes(stats, lambda table: state(table, leader) is RouteState.BANNED))
        banned = await newest(stats)
        refused = await orders(stats.kafka, "pin", leader, "--country", "GB", *WHY, code=2)
        await orders(stats.kafka, "withdraw", ban["order"]["order_id"])
        await until("the ban is over", comes(stats, lambda table: share(table, leader) > 0))
        left = await orders(stats.kafka, "list")

    assert (dry["dry_run"], dry["outlook"][0]["then"]["carrier-c"]) == (True, 1.0)
    assert [order["order_id"] for order in listed["orders"]] == [pin["order"]["order_id"]]
    assert pinned is not None
    assert share(pinned, "carrier-c") == 1
    assert back is not None
    assert share(back, leader) > 0.5
    assert banned is not None
    assert share(banned, leader) == 0
    assert (refused["accepted"], refused["field"]) == (False, "provider")
    assert left["orders"] == []


async def test_bad_orders_name_the_field_and_leave_nothing_on_the_topic(stats: Statistics) -> None:
    wanted = ["pin", "carrier-a", "--country", "GB", "--reason", "a drill", "--for", "10m"]
    for option, value, field in [
        ("carrier-a", "carrier-z", "provider"),
        ("GB", "gb", "country"),
        ("a drill", " ", "reason"),
        ("10m", "8d", "expires_at"),
        ("10m", "soon", "for"),
    ]:
        words = [value if word == option else word for word in wanted]
        assert (await orders(stats.kafka, *words, code=2))["field"] == field
    assert await stats.records(CONTROL) == []


async def test_what_would_leave_no_provider_needs_force(stats: Statistics) -> None:
    for carrier in CARRIERS[:2]:
        await orders(stats.kafka, "ban", carrier, "--country", "GB", *WHY)
    refused = await orders(stats.kafka, "ban", CARRIERS[2], "--country", "GB", *WHY, code=1)
    forced = await orders(stats.kafka, "ban", CARRIERS[2], "--country", "GB", *WHY, "--force")

    assert (refused["field"], refused["forcible"]) == ("provider", True)
    assert forced["order"]["forced"]
    assert "none of the bans is followed" in forced["notes"][0]


async def test_withdrawal_of_an_order_that_is_not_there_says_so(stats: Statistics) -> None:
    refused = await orders(stats.kafka, "withdraw", "0123456789abcdef", code=2)
    assert (refused["withdrawn"], refused["field"]) == (False, "order_id")


async def test_what_an_order_replaces_and_what_is_long_over_is_swept(kafka: EmbeddedKafka, prefix: str) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix)
    await create_topics(settings)
    long_ago = now() - KEPT - timedelta(hours=1)
    over = an_order("order-that-is-over", at=long_ago - timedelta(hours=1), expires_at=long_ago)
    old, new = an_order("order-that-is-old"), an_order("order-that-is-new")
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        for order in (over, old):
            await producer.send(CONTROL.name, order.order_id, encode(order))
        control = await read(settings)
        assert set(control.orders) == {over.order_id, old.order_id}
        await publish(producer, Accepted(order=new, replaces=(old.order_id,)), control.orders.values())
    finally:
        await producer.stop()
    assert (await read(settings)).orders == {new.order_id: new}


def an_order(order_id: str, **changes: Any) -> Order:
    at = now()
    order = Order(
        order_id=order_id,
        kind=OrderKind.HOLD,
        reason="a test",
        author="maria",
        at=at,
        expires_at=at + timedelta(hours=1),
    )
    return replace(order, **changes)

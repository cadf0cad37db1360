import asyncio
from dataclasses import replace

import pytest

from pipeline.consuming.flood import FloodLimits
from pipeline.errors import CannotGoOn
from tests.workers.loop.scripted import QUICK, A, Hands, ScriptedConsumer, faults, loop_of, running, until
from workers.loop import Partition

WATCHED = replace(QUICK, watchdog_s=0.12, drain_s=0.02, commit_timeout_s=0.02)


async def test_a_handler_that_never_ends_is_found_out() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 1)

    with pytest.raises(CannotGoOn, match="nothing was done"):
        await loop_of(consumer, hands, WATCHED).run(asyncio.Event())


async def test_a_consumer_that_fetches_nothing_although_there_is_lag_is_found_out() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    consumer.pause(A)
    consumer.append(A, 1)

    with pytest.raises(CannotGoOn, match="nothing was done"):
        await loop_of(consumer, hands, WATCHED).run(asyncio.Event())


async def test_a_fetch_that_never_returns_is_found_out() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.fetch = asyncio.Event().wait  # type: ignore[method-assign, assignment]  # it never returns

    with pytest.raises(CannotGoOn, match="no fetch"):
        await loop_of(consumer, hands, WATCHED).run(asyncio.Event())


async def alive_for_long(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([task], timeout=4 * WATCHED.watchdog_s)
    return not done


async def test_nothing_to_do_is_no_fault() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    async with running(loop_of(consumer, hands, WATCHED)) as task:
        assert await alive_for_long(task)


async def test_a_broker_that_is_away_is_no_fault() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    loop = loop_of(consumer, hands, WATCHED)
    async with running(loop) as task:
        consumer.append(A, 3)
        await until(lambda: len(hands.started) == 3)
        consumer.append(A, 3)
        consumer.away = True
        assert await alive_for_long(task)
        assert loop.figures().broker_away


async def test_waiting_until_due_is_no_fault() -> None:
    consumer, hands, later = ScriptedConsumer(), Hands(), Partition("later", 0)
    consumer.assign(later)
    consumer.append(later, 500)
    async with running(loop_of(consumer, hands, replace(WATCHED, buffer=100), delays_s={"later": 60.0})) as task:
        await until(lambda: later in consumer.paused)
        assert await alive_for_long(task)


async def test_waiting_for_an_operator_is_no_fault() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes = faults(100, "shop", "bank")
    consumer.assign(A)
    consumer.append(A, 100)
    limits = replace(WATCHED, in_flight=1, flood=FloodLimits(failures=20, others=5))
    loop = loop_of(consumer, hands, limits, is_own_fault=lambda _: True)
    async with running(loop) as task:
        await until(lambda: loop.paused)
        assert await alive_for_long(task)

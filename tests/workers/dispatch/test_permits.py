"""Permits of providers, and who waits for them."""

import asyncio

from pipeline.dispatch.limits import SendLimit
from workers.dispatch.permits import Permits, first_free

LONG_S = 60.0  # nobody waits for it


def permits(count: int = 1, per_second: float | None = None) -> Permits:
    return Permits(SendLimit(count, per_second))


def full(per_second: float | None = None) -> Permits:
    one = permits(1, per_second)
    assert one.acquire()
    return one


async def test_permits_are_given_in_the_order_of_arrival() -> None:
    one, served = full(), []

    async def wait(name: int) -> None:
        await first_free([one], LONG_S)
        served.append(name)
        one.release()

    waiting = [asyncio.create_task(wait(name)) for name in range(5)]
    await asyncio.sleep(0)
    one.release()
    await asyncio.gather(*waiting)

    assert served == [0, 1, 2, 3, 4]
    assert one.acquire()


async def test_newcomer_does_not_overtake_whoever_waits_for_the_limit_per_second() -> None:
    one = permits(100, per_second=10.0)
    while one.acquire():
        pass
    waiting = asyncio.create_task(first_free([one], LONG_S))
    await asyncio.sleep(0)

    while not waiting.done():
        assert not one.acquire()
        await asyncio.sleep(0)

    assert await waiting is one


async def test_whoever_waits_at_two_providers_acquires_one_permit() -> None:
    one, other = full(), full()
    waiting = asyncio.create_task(first_free([one, other], LONG_S))
    await asyncio.sleep(0)

    other.release()

    assert await waiting is other
    assert not other.acquire()
    one.release()
    assert one.acquire()


async def test_wait_ends_without_a_permit_when_its_time_is_over() -> None:
    one = full()

    assert await first_free([one], 0.01) is None

    one.release()
    assert one.acquire()


async def test_waiter_that_is_cancelled_leaves_its_permit_to_the_next() -> None:
    one = full()
    first, second = (asyncio.create_task(first_free([one], LONG_S)) for _ in range(2))
    await asyncio.sleep(0)

    one.release()  # it is the first one's now, which is cancelled before it learns that
    first.cancel()

    assert await second is one
    assert first.cancelled()


async def test_waiter_that_is_cancelled_in_the_line_is_passed_over() -> None:
    one = full()
    first, second = (asyncio.create_task(first_free([one], LONG_S)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    one.release()

    assert await second is one

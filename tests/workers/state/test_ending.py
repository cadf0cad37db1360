"""Ending a task that may be asking the store."""

import asyncio

from workers.state.ending import end


async def test_a_task_ends_although_a_library_has_lost_its_cancellation() -> None:
    lost = 0

    async def looks() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    task = asyncio.create_task(looks())
    await asyncio.sleep(0)
    await end(task)

    assert (task.cancelled(), lost) == (True, 2)


async def test_a_task_that_has_ended_is_left_alone() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    await end(task)

    assert not task.cancelled()

"""Several jobs at once, as one."""

import asyncio
from collections.abc import Coroutine, Iterable


async def together(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all jobs. The first error, or a cancellation, stops the others and is raised when they have ended."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Ending a task that may be asking the store."""

import asyncio
from typing import Any, Final

AGAIN_S: Final = 0.2


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended: redis-py 8.1 loses a cancellation that comes while it gives up a connection."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_S)

"""How late the event loop is: what it does late is late for everybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from workers.metrics.definitions import LOOP_LAG
from workers.metrics.metrics import Metrics

LOOK_S: Final = 0.25


@asynccontextmanager
async def loop_lag_observed(metrics: Metrics) -> AsyncIterator[None]:
    """Look beside the block, 4 times a second."""
    looking = asyncio.create_task(_look(metrics))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _look(metrics: Metrics) -> NoReturn:
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + LOOK_S
        await asyncio.sleep(LOOK_S)
        metrics.observe(LOOP_LAG, max(clock() - due, 0.0))

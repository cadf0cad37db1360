"""How long people wait for Kafka to take what they ordered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pipeline.errors import BrokerAway

WITHIN_S: Final = 15.0  # for Kafka to acknowledge an order, or a chunk of records


@asynccontextmanager
async def in_time(otherwise: str) -> AsyncIterator[None]:
    """Wait no longer for what is acknowledged in this block. Raises BrokerAway, with what people are told then."""
    try:
        async with asyncio.timeout(WITHIN_S):
            yield
    except TimeoutError:
        raise BrokerAway(otherwise) from None

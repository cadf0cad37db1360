"""A server on real Valkey, of which only the store is asked."""

from collections.abc import AsyncIterator

import pytest

from tests.workers.doors import Door, opened, settings_for
from workers.embedded.valkey import EmbeddedValkey


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(valkey.url, prefix)) as door:
        yield door

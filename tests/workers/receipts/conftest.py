"""A receipts process on real Valkey and real HTTP."""

from collections.abc import AsyncIterator

import pytest

from pipeline.records import OtpRequest
from tests.workers.doors import Door, listening, opened, settings_for
from tests.workers.receipts.callbacks import ID, app
from workers.embedded.valkey import EmbeddedValkey


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(valkey.url, prefix)) as door, listening(app(door)) as door.url:
        yield door


@pytest.fixture
async def request_(door: Door) -> OtpRequest:
    request = door.request(ID)
    await door.dispatched(request)
    return request

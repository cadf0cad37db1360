"""The HTTP door on real Valkey."""

from collections.abc import AsyncIterator

import pytest

from tests.workers.doors import Door, listening, opened, settings_for, storeless_door
from workers.api.app import build_app
from workers.embedded.valkey import EmbeddedValkey


@pytest.fixture
async def door(valkey: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with (
        opened(settings_for(valkey.url, prefix)) as door,
        listening(build_app(door.parts(), door.queue)) as door.url,
    ):
        yield door


@pytest.fixture
async def storeless(prefix: str) -> AsyncIterator[Door]:
    """Give a door whose store is away."""
    async with storeless_door(prefix) as door, listening(build_app(door.parts(), door.queue)) as door.url:
        yield door

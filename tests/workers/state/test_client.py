"""Whether the store is away, and what happens when it is back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.errors import StoreAway
from pipeline.settings import StateSettings
from workers.embedded.valkey import EmbeddedValkey
from workers.state.client import Store


@contextlib.asynccontextmanager
async def _away(folder: Path) -> AsyncIterator[tuple[EmbeddedValkey, Store]]:
    """Give a store whose server has just been killed."""
    server = EmbeddedValkey(folder)
    await server.start()
    store = Store(StateSettings(url=server.url, timeout_s=0.3))
    await store.get("key")
    server.kill()
    with pytest.raises(StoreAway):
        await store.get("key")
    try:
        yield server, store
    finally:
        await store.close()
        await server.stop()


async def _back(server: EmbeddedValkey, store: Store) -> None:
    await server.stop()
    await server.start()
    async with asyncio.timeout(10):
        while not store.available:
            await asyncio.sleep(0.02)


async def test_calls_go_through_again_when_the_store_is_back(tmp_path: Path) -> None:
    async with _away(tmp_path) as (server, store):
        await _back(server, store)

        assert await store.get("key") is None


async def test_a_process_that_stood_still_does_not_take_the_store_for_away(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url, timeout_s=0.3))
        await store.run("seen", b"[]")
        await store._client.client_pause(900)
        asked = asyncio.create_task(store.run("seen", b"[]"))
        await asyncio.sleep(0.05)
        time.sleep(0.7)  # noqa: ASYNC251 - the fault itself: nothing of this process runs

        assert await asked == []
        assert store.available
        await store.close()


async def test_connections_from_before_are_not_used_again(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url, timeout_s=0.3))
        await asyncio.gather(*(store.get("key") for _ in range(8)))  # as many connections
        await server.stop()
        with pytest.raises(StoreAway):
            await store.get("key")
        await _back(server, store)

        assert await asyncio.gather(*(store.get("key") for _ in range(8))) == [None] * 8
        await store.close()


async def test_store_that_came_back_a_moment_ago_is_settling(tmp_path: Path) -> None:
    async with _away(tmp_path) as (server, store):
        before = store.settling
        await _back(server, store)

        assert (before, store.settling) == (False, True)


async def test_callback_that_fails_does_not_keep_the_store_away(tmp_path: Path) -> None:
    called = asyncio.Event()

    async def fails() -> None:
        called.set()
        raise ValueError

    async with _away(tmp_path) as (server, store):
        store.when_back.append(fails)
        await _back(server, store)
        await called.wait()

        assert await store.get("key") is None


async def test_failure_while_it_catches_up_is_probed_like_any_other(tmp_path: Path) -> None:
    tries = 0

    async def stumbles() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            store._away(OSError())
            raise StoreAway("again")

    async with _away(tmp_path) as (server, store):
        store.when_back.append(stumbles)
        await _back(server, store)
        async with asyncio.timeout(10):
            while tries < 2 or not store.available:
                await asyncio.sleep(0.02)

        assert await store.get("key") is None

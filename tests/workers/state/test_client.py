"""Whether the store is away, and what happens when it is back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.errors import RowUnreadable, StoreAway
from pipeline.settings import StateSettings
from workers.embedded.valkey import EmbeddedValkey
from workers.state.client import Store

pytestmark = pytest.mark.processes


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
    await _available(store)


async def _available(store: Store) -> None:
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


async def _command(server: EmbeddedValkey, *words: str) -> None:
    store = Store(StateSettings(url=server.url))
    await store._client.execute_command(*words)  # type: ignore[no-untyped-call]  # so it is in redis-py
    await store.close()


async def test_replica_that_takes_no_writes_is_away_said_once_and_left_for_the_primary(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url))
        await store.put_if_new("before", b"1", 1000)
        await _command(server, "REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreAway):
            await store.put_if_new("key", b"1", 1000)
        looked = [store.available]
        async with asyncio.timeout(10):
            while (await _probes(server)) < 4:  # each of which finds a server that answers and takes nothing
                looked.append(store.available)
                await asyncio.sleep(0.02)
        with pytest.raises(StoreAway):
            await store.put_if_new("key", b"1", 1000)
        await _command(server, "REPLICAOF", "NO", "ONE")
        await _available(store)

        assert await store.put_if_new("key", b"1", 1000) is None
        assert not any(looked)
        logged = capfd.readouterr().out
        assert (logged.count("store.away"), logged.count("store.back")) == (1, 1)
        assert "ReadOnlyError" in logged
        await store.close()


@pytest.mark.parametrize("setting", ["maxmemory 1", "min-replicas-to-write 1"])
async def test_server_that_refuses_every_write_is_away(tmp_path: Path, setting: str) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url))
        await _command(server, "CONFIG", "SET", *setting.split())

        with pytest.raises(StoreAway) as raised:
            await store.run("claim", "one", 1000, 0, b'[["request-0123456789",1,0,"s","c","h","k","p","1","2","{}"]]')
        assert not isinstance(raised.value, RowUnreadable)
        assert not store.available
        await store.close()


async def _probes(server: EmbeddedValkey) -> int:
    """Count the writes that the server has refused to whoever asks whether it is back."""
    store = Store(StateSettings(url=server.url))
    stats = await store._client.info("commandstats")
    await store.close()
    return int(stats.get("cmdstat_set", {}).get("rejected_calls", 0))


async def test_row_that_cannot_be_read_is_no_absence_of_the_store(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url))
        await store.put_if_new("otp:text", b"1", 60_000)

        for _ in range(3):
            with pytest.raises(RowUnreadable):
                await store.fields("otp:text")
        with pytest.raises(RowUnreadable):
            await store.run("receipt", "text", 1, "DELIVERED", 1, 0, 30_000)

        assert store.available
        assert await store.get("otp:text") == b"1"
        assert store.unreadable == {"hgetall": 3, "receipt": 1}
        assert capfd.readouterr().out.count("store.row_unreadable") == 3  # at 1 and 2, and at 1
        await store.close()


async def test_store_that_comes_back_for_a_moment_again_and_again_is_away_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tries = 0

    async def fails() -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise store._away(OSError())

    async with _away(tmp_path) as (server, store):
        store.when_back.append(fails)
        await _back(server, store)
        async with asyncio.timeout(10):
            while tries < 4 or not store.available:
                await asyncio.sleep(0.02)

    logged = capfd.readouterr().out
    assert (logged.count("store.away"), logged.count("store.back")) == (1, 1)


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

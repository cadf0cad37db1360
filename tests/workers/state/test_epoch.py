"""After a loss of state, codes issued before it are refused; after a mere restart they are not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from pipeline.errors import StoreAway
from pipeline.settings import StateSettings
from tests.workers.doors import ENTRY, Door, opened, settings_for
from workers.embedded.valkey import EmbeddedValkey
from workers.state.client import Store
from workers.state.entries import TryVerdict
from workers.state.epoch import Settled
from workers.state.wishes import WishVerdict

pytestmark = pytest.mark.processes

ID = "request-0123456789"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """Give a server that the test may stop."""
    async with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def door(own: EmbeddedValkey, prefix: str) -> AsyncIterator[Door]:
    async with opened(settings_for(own.url, prefix)) as door:
        door.clock.move(1)
        await door.dispatched(door.request(ID))
        door.clock.move(30)
        yield door


async def _command(url: str, *words: str) -> None:
    store = Store(StateSettings(url=url, timeout_s=20.0))
    await store._client.execute_command(*words)  # type: ignore[no-untyped-call]  # so it is in redis-py
    await store.close()


@contextlib.asynccontextmanager
async def _reading(server: EmbeddedValkey, prefix: str) -> AsyncIterator[Store]:
    store = Store(StateSettings(url=server.url, prefix=prefix))
    try:
        yield store
    finally:
        await store.close()


async def _restart(server: EmbeddedValkey, door: Door) -> None:
    server.kill()
    await server.stop()
    await server.start()
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreAway):
                await door.store.get("epoch")
                return
            await asyncio.sleep(0.05)


async def _kept(server: EmbeddedValkey) -> None:
    """Let everything that was written reach the disk: these tests are of what may be forgotten, and not of luck."""
    await _command(server.url, "CONFIG", "SET", "appendfsync", "always")
    await _command(server.url, "SET", "kept", "1")


async def test_restart_of_a_server_that_keeps_every_write_changes_nothing(door: Door, own: EmbeddedValkey) -> None:
    await _restart(own, door)

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN


async def test_restart_of_a_server_that_may_forget_writes_ends_the_codes_before_it(
    own: EmbeddedValkey, prefix: str
) -> None:
    await _command(own.url, "CONFIG", "SET", "appendfsync", "everysec")
    async with opened(settings_for(own.url, prefix)) as door:
        await door.dispatched(door.request(ID))
        door.clock.move(30)
        await _kept(own)
        await _restart(own, door)

        assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED
        assert (await door.checks.ask_again(ID, "shop")).verdict is WishVerdict.LATE


async def test_codes_issued_before_the_state_was_wiped_are_refused_and_later_ones_are_not(
    door: Door, own: EmbeddedValkey
) -> None:
    lost = door.request(ID)
    door.clock.move(1)
    await _command(own.url, "FLUSHALL")
    await door.dispatched(lost)  # a redelivered record opens the row anew, with no try counted

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED

    door.clock.move(1)
    await door.dispatched(door.request("later-0123456789"))
    assert (await door.checks.try_code("later-0123456789", "shop", ENTRY)).verdict is TryVerdict.OPEN


@pytest.mark.usefixtures("door")
async def test_replica_in_the_place_of_its_master_ends_the_codes_before_it(
    own: EmbeddedValkey, tmp_path: Path, prefix: str
) -> None:
    async with EmbeddedValkey(tmp_path / "replica") as replica, _reading(replica, prefix) as copy:
        await _command(own.url, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
        await _command(replica.url, "REPLICAOF", "127.0.0.1", own.url.split(":")[-1].split("/")[0])
        async with asyncio.timeout(20):
            while not await copy.fields(f"otp:{ID}"):
                await asyncio.sleep(0.05)
        await _command(replica.url, "REPLICAOF", "NO", "ONE")
        async with opened(settings_for(replica.url, prefix)) as promoted:
            assert (await promoted.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED


@pytest.mark.parametrize("key", ["epoch", "since"])
async def test_epoch_key_that_was_evicted_alone_ends_no_code_and_is_said(
    door: Door, own: EmbeddedValkey, prefix: str, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    others = [f"other-{number:012}" for number in range(3)]
    for request_id in others:
        door.clock.move(1)
        await door.dispatched(structs.replace(door.request(request_id), purpose=request_id))
    door.clock.move(30)
    await _command(own.url, "DEL", prefix + key)

    tried = [(await door.checks.try_code(request_id, "shop", ENTRY)).verdict for request_id in (ID, *others)]

    assert tried == [TryVerdict.OPEN] * 4
    assert door.store.settled == {Settled.BEGUN: 1, Settled.RESTORED: 1}
    assert '"event":"store.epoch_settled"' in capfd.readouterr().out
    assert {await door.store.get("epoch"), await door.store.get("since")} == {await door.store.get("epoch")} != {None}


async def test_epoch_key_of_another_type_ends_no_code(door: Door, own: EmbeddedValkey, prefix: str) -> None:
    await _command(own.url, "DEL", f"{prefix}epoch")
    await _command(own.url, "HSET", f"{prefix}epoch", "a", "b")

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN


async def test_epoch_of_which_nothing_is_left_is_one_of_an_emptied_store(
    door: Door, own: EmbeddedValkey, prefix: str
) -> None:
    await _command(own.url, "DEL", f"{prefix}epoch", f"{prefix}since")

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED
    assert door.store.settled == {Settled.BEGUN: 2}


async def test_lost_epoch_key_does_not_hide_a_restart_that_forgot_writes(own: EmbeddedValkey, prefix: str) -> None:
    await _command(own.url, "CONFIG", "SET", "appendfsync", "everysec")
    async with opened(settings_for(own.url, prefix)) as door:
        await door.dispatched(door.request(ID))
        door.clock.move(30)
        await _kept(own)
        await _restart(own, door)
        await _command(own.url, "DEL", f"{prefix}epoch")

        assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED
        assert door.store.settled[Settled.BROKEN] == 1


async def test_the_later_of_two_epochs_counts(door: Door, own: EmbeddedValkey, prefix: str) -> None:
    since, _, rest = (await door.store.get("epoch") or b"").decode().partition(" ")
    await _command(own.url, "SET", f"{prefix}since", f"{int(since) + 20_000} {rest}")

    assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.REFUSED


async def test_process_that_starts_later_ends_no_codes(door: Door, own: EmbeddedValkey, prefix: str) -> None:
    async with opened(settings_for(own.url, prefix)):
        assert (await door.checks.try_code(ID, "shop", ENTRY)).verdict is TryVerdict.OPEN

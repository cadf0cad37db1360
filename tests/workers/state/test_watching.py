"""What is no good about a store is said beside the work, on real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import StoreAway
from pipeline.settings import StateSettings
from pipeline.state.faults import StoreFault
from tests.workers.metrics.reading import counts
from workers.embedded.valkey import EmbeddedValkey
from workers.metrics import Metrics
from workers.metrics.definitions import METRICS
from workers.state.client import Store
from workers.state.epoch import Epoch
from workers.state.samples import watch_store
from workers.state.watching import look, watched

pytestmark = pytest.mark.processes


class _Broker:
    """Broker time that tests set."""

    def __init__(self, off_s: float = 0.0, error_s: float = 0.001) -> None:
        self.off_s = off_s
        self.error_s = error_s

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.off_s)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Give a store on a server that the test may set as it likes."""
    async with EmbeddedValkey(tmp_path) as server:
        store = Store(StateSettings(url=server.url))
        yield store
        await store.close()


async def _faults(store: Store, broker: _Broker) -> frozenset[StoreFault]:
    await look(store, Epoch(store, broker), broker)
    return store.faults


async def test_store_as_it_must_be_has_no_fault_and_a_look_counts_as_no_operation(store: Store) -> None:
    assert await _faults(store, _Broker()) == set()
    assert store.operations.total() == 0


async def test_policy_that_evicts_is_warned_of_at_the_start_and_once(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    await store._client.config_set("maxmemory-policy", "allkeys-lru")
    broker = _Broker()

    async with watched(store, Epoch(store, broker), broker):
        async with asyncio.timeout(10):
            while not store.faults:
                await asyncio.sleep(0.01)
    await _faults(store, broker)
    warned = capfd.readouterr().out
    await store._client.config_set("maxmemory-policy", "noeviction")
    await _faults(store, broker)

    assert warned.count('"store.fault"') == 1
    assert '"reason":"evicts"' in warned
    assert "maxmemory-policy noeviction" in warned
    assert '"store.fault_over"' in capfd.readouterr().out


async def test_server_that_forbids_config_is_said_to_be_unchecked(store: Store) -> None:
    await store._client.execute_command("ACL", "SETUSER", "default", "-config")  # type: ignore[no-untyped-call]

    assert await _faults(store, _Broker()) == {StoreFault.UNCHECKED}


async def test_policy_is_known_where_config_is_forbidden(store: Store) -> None:
    await store._client.config_set("maxmemory-policy", "volatile-lru")
    await store._client.execute_command("ACL", "SETUSER", "default", "-config")  # type: ignore[no-untyped-call]

    assert await _faults(store, _Broker()) == {StoreFault.UNCHECKED, StoreFault.EVICTS}


@pytest.mark.parametrize("off_s", [-7200, 7200])
async def test_clock_of_the_store_that_differs_from_the_brokers_is_said(store: Store, off_s: float) -> None:
    assert await _faults(store, _Broker(off_s)) == {StoreFault.CLOCK_OFF}
    assert await _faults(store, _Broker(off_s, error_s=float("inf"))) == set()  # nobody knows whose is wrong


async def test_replica_is_away_before_anybody_has_asked_for_anything(store: Store) -> None:
    await store._client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]

    with pytest.raises(StoreAway):
        await _faults(store, _Broker())
    assert not store.available


async def test_metrics_tell_faults_how_the_epoch_was_settled_and_rows_that_cannot_be_read(store: Store) -> None:
    metrics = Metrics(METRICS)
    watch_store(store, metrics)
    await store._client.config_set("maxmemory-policy", "allkeys-lru")
    await _faults(store, _Broker())
    await store._client.delete(f"{store.prefix}epoch")
    await _faults(store, _Broker())
    store.cannot_read("claim")

    assert counts(metrics, "otp_store_faults") == {("evicts",): 1}
    assert counts(metrics, "otp_store_epochs_total") == {("begun",): 1, ("restored",): 1}
    assert counts(metrics, "otp_store_rows_unreadable_total") == {("claim",): 1}

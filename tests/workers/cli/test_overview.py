"""How a system is, when parts of it are away."""

from pathlib import Path

import pytest

from pipeline.settings.parse import parse
from pipeline.state.faults import StoreFault
from workers.cli.overview import Kafka, Overview, State, Worker, look, providers_of
from workers.cli.status import _state
from workers.embedded.valkey import EmbeddedValkey
from workers.state.client import Store

NOWHERE = "http://127.0.0.1:1"
AWAY = parse(environ={"ITHACA_KAFKA__BOOTSTRAP": "127.0.0.1:1", "ITHACA_STATE__URL": "valkey://127.0.0.1:1/0"})


async def test_what_is_away_is_told_and_hides_nothing_else() -> None:
    overview = await look(AWAY, {"api": NOWHERE})

    assert overview.kafka.fault is not None
    assert "127.0.0.1:1, as ITHACA_KAFKA__BOOTSTRAP says" in overview.kafka.fault
    assert overview.state == State(url="valkey://127.0.0.1:1/0", answers=False)
    assert overview.workers == [Worker(name="api", url=NOWHERE, ready=False)]
    assert [provider.name for provider in overview.providers] == ["carrier-a", "carrier-b", "carrier-c"]
    assert not overview.well


def test_breakers_are_shown_where_a_dispatcher_tells_them() -> None:
    broken = {"breakers": {"carrier-a": ["*"], "carrier-b": ["GB"]}}
    workers = [
        Worker(name="dispatch-1", url=NOWHERE, ready=True, figures=broken),
        Worker(name="dispatch-2", url=NOWHERE, ready=True, figures={"lag": 0}),
    ]

    found = {provider.name: provider.breakers for provider in providers_of(AWAY, workers)}

    assert found == {"carrier-a": {"dispatch-1": ["*"]}, "carrier-b": {"dispatch-1": ["GB"]}, "carrier-c": {}}


def test_all_is_well_only_when_everything_answers_and_no_topic_is_missing() -> None:
    kafka, state = Kafka(bootstrap="b"), State(url="u", answers=True)
    assert Overview(kafka=kafka, state=state, workers=[], providers=[]).well
    assert not Overview(kafka=Kafka(bootstrap="b", missing=["otp.dead"]), state=state, workers=[], providers=[]).well
    assert not Overview(kafka=kafka, state=State(url="u", answers=False), workers=[], providers=[]).well
    refusing = Worker(name="api", url=NOWHERE, ready=True, figures={"door": "refuses"})
    assert not Overview(kafka=kafka, state=state, workers=[refusing], providers=[]).well


@pytest.mark.processes
async def test_store_that_may_drop_keys_is_told(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        settings = parse(environ={"ITHACA_KAFKA__BOOTSTRAP": "127.0.0.1:1", "ITHACA_STATE__URL": server.url})
        store = Store(settings.state)
        before = (await look(settings, {})).state
        await store._client.config_set("maxmemory-policy", "allkeys-lru")
        after = (await look(settings, {})).state
        await store._client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        replica = (await look(settings, {})).state
        await store.close()

    assert (before.durable, before.faults) == (True, [])
    assert (after.durable, after.faults) == (True, [StoreFault.EVICTS])
    assert replica.faults == [StoreFault.EVICTS, StoreFault.REPLICA]
    assert not Overview(kafka=Kafka(bootstrap="b"), state=replica, workers=[], providers=[]).well


def test_status_says_what_is_no_good_about_the_store_instead_of_praising_it() -> None:
    text = str(_state(State(url="u", answers=True, durable=True, faults=[StoreFault.EVICTS])))

    assert "keeps every write" not in text
    assert "set maxmemory-policy noeviction" in text

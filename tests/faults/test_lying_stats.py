"""The statistics are dead, and something publishes wrong route tables: dispatch goes on by the last good one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.records import RouteTable, encode
from pipeline.records.topics import ROUTES
from tests.faults.drill import Drill, broken, drill, log
from tests.samples import a_route, a_table
from workers.embedded.callers_journal import read_carriers
from workers.kafka import KafkaProducer

RATE = 10.0
SECONDS = 8.0
WITHIN_S = 60.0
DISPATCHERS = ("dispatch-1", "dispatch-2")
COUNTRIES = ("GB", "US", "CA")  # of the people's numbers
LEADER, OTHERS = "carrier-c", ("carrier-a", "carrier-b")


def _table(country: str, leader: str, revision: int) -> RouteTable:
    routes = [a_route(name, float(name == leader)) for name in (LEADER, *OTHERS)]
    return a_table(*routes, country=country, revision=revision, decided_at=datetime.now(UTC))


def _lies(country: str) -> Iterator[bytes]:
    """Give tables that would send everything somewhere else, or nowhere."""
    table = encode(_table(country, OTHERS[0], 1000))
    yield table.replace(b'"share":1.0', b'"share":-1.0')
    yield table.replace(b'"share":1.0', b'"share":null')
    yield table.replace(b'"share":1.0', b'"share":NaN')
    yield table.replace(b'"share":1.0', b'"share":0.0')
    yield table.replace(b"carrier-", b"phantom-")
    yield table.replace(b'"v":1', b'"v":2')
    yield encode(_table(country, OTHERS[0], 0))


async def _publish(it: Drill, values: list[tuple[str, bytes]]) -> None:
    producer = KafkaProducer(it.kafka)
    await producer.start()
    for country, value in values:
        await producer.send(ROUTES.name, country, value)
    await producer.stop()


async def _figure(it: Drill, name: str) -> list[object]:
    return [(await it.health(process))[name] for process in DISPATCHERS]


@pytest.mark.slow
async def test_dispatch_goes_on_by_the_last_good_table_when_the_statistics_die_and_lie(
    tmp_path: Path, jars: Path
) -> None:
    async with drill(tmp_path, jars) as it:
        for process in it.supervisor.status():
            if process.name.startswith("stats"):
                await it.supervisor.stop_one(process.name)
        await _publish(it, [(country, encode(_table(country, LEADER, 900))) for country in COUNTRIES])
        lies = [(country, lie) for country in COUNTRIES for lie in _lies(country)]
        await _publish(it, lies)

        async def refused_all() -> bool:
            return all(sum(refused.values()) == len(lies) for refused in await _figure(it, "refused"))  # type: ignore[attr-defined] # JSON

        await it.until(refused_all, WITHIN_S)
        people = it.people(rate=RATE, seconds=SECONDS)
        async with it.asking(people, settle_s=WITHIN_S):
            pass

        async def stale() -> bool:
            return await _figure(it, "stale") == [sorted(COUNTRIES)] * len(DISPATCHERS)

        stale_s = await it.until(stale, WITHIN_S)
        figures = await it.figures()
        went = {row.carrier for row in read_carriers(it.system.carriers_journal)}
        refused = await _figure(it, "refused")
    log.info("%d verified by %s, refused %s, stale after %.0f s", people.tally.verified, went, refused, stale_s)

    assert broken(figures) == {}
    assert people.tally.verified == people.tally.asked == RATE * SECONDS
    assert went == {LEADER}

"""What the operators' page shows, as records come."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
from aiohttp import ClientResponse
from msgspec.structs import replace

from pipeline.records import Cause, Cell, Counts, Incident, Phase, Tally
from pipeline.records.topics import DEAD, INCIDENTS, ROUTES, TALLIES
from tests.samples import NOW, a_route, a_table
from tests.workers.ops.ops_door import ANN, OpsDoor, as_record, ops_door
from workers.ops.feed import Feed

TABLE = a_table(a_route("carrier-a", 0.9, leader=True), a_route("carrier-b", 0.1))
INCIDENT = Incident(
    incident_id="incident-0123456789",
    phase=Phase.OPENED,
    cause=Cause.PROVIDER,
    provider="carrier-a",
    onset_at=NOW,
    opened_at=NOW,
    updated_at=NOW,
    summary="carrier-a in GB delivers nothing",
)


@pytest.fixture
async def page() -> AsyncIterator[OpsDoor]:
    async with ops_door() as door:
        yield door


def a_feed() -> Feed:
    return Feed(lambda: NOW)


def test_a_table_becomes_a_row() -> None:
    feed = a_feed()
    feed.take(as_record(ROUTES, TABLE))
    assert [row.country for row in feed.whole()["countries"]] == ["GB"]


def test_news_are_only_what_has_changed() -> None:
    feed = a_feed()
    feed.take(as_record(ROUTES, TABLE))
    assert len(feed.news()["countries"]) == 1
    assert feed.news()["countries"] == []
    feed.take(as_record(ROUTES, replace(TABLE, revision=8, why="moved")))
    assert [row.why for row in feed.news()["countries"]] == ["moved"]


def test_figures_follow_the_tallies() -> None:
    feed = a_feed()
    second = int(NOW.timestamp())
    for age in range(100, -1, -1):
        at = second - age
        cell = Cell(at, "carrier-a", "GB", "v1", Counts(accepted=4, first=4, delivered=3))
        as_of = NOW - timedelta(seconds=age - 1)
        tally = Tally(topic="otp.attempts", partition=0, position=200 - age, as_of=as_of, cells=(cell,))
        feed.take(as_record(TALLIES, tally))
    top = feed.whole()["top"]
    assert (top.codes_per_s, top.in_time) == (4.0, 0.75)


def test_open_incidents_are_counted() -> None:
    feed = a_feed()
    feed.take(as_record(INCIDENTS, INCIDENT))
    assert feed.whole()["open"] == 1
    feed.take(as_record(INCIDENTS, replace(INCIDENT, phase=Phase.CLOSED, closed_at=NOW)))
    assert feed.whole()["open"] == 0


def test_tables_that_nobody_renews_are_stale() -> None:
    feed = Feed(lambda: NOW + timedelta(seconds=31))
    feed.take(as_record(ROUTES, TABLE))
    assert feed.whole()["stale"]


@pytest.mark.parametrize("topic", [ROUTES, INCIDENTS, TALLIES, DEAD])
def test_a_broken_record_is_counted_and_changes_nothing(topic: object) -> None:
    feed = a_feed()
    feed.take(as_record(topic, b"\xff{"))  # type: ignore[arg-type]
    assert feed.whole()["unreadable"] == 1


async def one_event(answer: ClientResponse) -> dict[str, object]:
    while not (line := await answer.content.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    found: dict[str, object] = orjson.loads(line.removeprefix(b"data: "))
    return found


async def test_everybody_gets_all_first_and_then_the_news(page: OpsDoor) -> None:
    page.feed.take(as_record(ROUTES, TABLE))
    page.feed.news()
    telling = asyncio.create_task(page.events.run())
    async with page.client.get(f"{page.url}/v1/events", headers=ANN) as answer:
        first = await one_event(answer)
        page.feed.take(as_record(ROUTES, replace(TABLE, revision=8, why="moved")))
        second = await one_event(answer)
    telling.cancel()
    assert [len(found["countries"]) for found in (first, second)] == [1, 1]  # type: ignore[arg-type]
    assert second["countries"][0]["why"] == "moved"  # type: ignore[index]


async def test_history_is_of_one_country(page: OpsDoor) -> None:
    page.feed.take(as_record(ROUTES, TABLE))
    for country, points in (("GB", 1), ("US", 0)):
        async with page.client.get(f"{page.url}/v1/history/{country}", headers=ANN) as answer:
            assert len((await answer.json())["points"]) == points

"""What is read of tallies, tables, incidents and orders."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from pipeline.errors import BrokerAway
from pipeline.evidence.routes import Evidence
from pipeline.records import Cell, Counts, Tally, encode
from pipeline.records.topics import CONTROL, INCIDENTS, ROUTES, TALLIES, Topic
from pipeline.routing import Router
from tests.samples import a_route, a_table
from tests.workers.stats.scripted import ScriptedBroker, SetClock, Topics
from workers.loop import Record
from workers.stats.decider import Decider
from workers.stats.follower import Follower
from workers.stats.membership import SEAT

SHARES = {"*": {"carrier-a": 60.0, "carrier-b": 40.0}}


class Following:
    """A follower of topics that a test writes."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.broker = ScriptedBroker()
        self.evidence = Evidence(self.broker.counts)
        self.decider = Decider(Router(SHARES), SHARES, self.evidence, Topics(self.clock), lambda: False)
        self.follower = Follower(self, self.broker, self.evidence, self.decider)
        self.records: list[Record] = []
        self.offset = 0

    async def fetch(self) -> Sequence[Record]:
        await asyncio.sleep(0)
        records, self.records = self.records, []
        return records

    def write(self, topic: Topic, value: bytes | None, key: bytes = b"key") -> None:
        stamp_ms = int(self.clock.at * 1000)
        self.records.append(
            Record(topic=topic.name, partition=0, offset=self.offset, key=key, value=value, timestamp_ms=stamp_ms)
        )
        self.offset += 1

    async def follow(self) -> None:
        """Let everything be read."""
        following = asyncio.create_task(self.follower.run())
        while self.records:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        following.cancel()
        await asyncio.wait([following])
        if not following.cancelled():
            following.result()

    def tally(self, *, topic: str = SEAT[0], partition: int = 0, ahead_s: float = 0.0) -> bytes:
        cells = (Cell(int(self.clock.at), "carrier-a", "GB", "config", Counts(accepted=3)),)
        as_of = datetime.fromtimestamp(self.clock.at + ahead_s, UTC)
        return encode(Tally(topic=topic, partition=partition, position=9, as_of=as_of, cells=cells))


async def test_tally_is_taken_by_the_counts_of_its_partition_and_by_the_evidence() -> None:
    following = Following()
    following.write(TALLIES, following.tally())
    await following.follow()

    assert following.broker.counts[SEAT].position == 9
    assert ("carrier-a", "GB") in following.evidence.routes


@pytest.mark.parametrize("topic", [TALLIES, ROUTES, INCIDENTS, CONTROL])
async def test_record_that_cannot_be_read_is_counted_and_left_aside(topic: Topic) -> None:
    following = Following()
    following.write(topic, b'{"v":2}')
    following.write(TALLIES, following.tally())
    await following.follow()

    assert following.follower.unreadable == {topic.name: 1}
    assert following.broker.counts[SEAT].position == 9


async def test_tally_from_the_future_is_left_aside() -> None:
    following = Following()
    following.write(TALLIES, following.tally(ahead_s=60))
    await following.follow()

    assert following.follower.unreadable == {TALLIES.name: 1}
    assert following.broker.counts[SEAT].position is None


@pytest.mark.parametrize("source", [("otp.requests", 0), (SEAT[0], 99)])
async def test_tally_of_a_partition_that_is_not_counted_cannot_hold_up_the_others(source: tuple[str, int]) -> None:
    following = Following()
    following.write(TALLIES, following.tally(topic=source[0], partition=source[1]))
    await following.follow()

    assert following.evidence.routes == {}


async def test_tables_on_the_topic_are_known_and_null_values_are_not() -> None:
    following = Following()
    following.clock.at = a_table().decided_at.timestamp()
    following.write(ROUTES, None)
    following.write(INCIDENTS, None)
    following.write(CONTROL, None)
    following.write(ROUTES, encode(a_table(a_route("carrier-a", 0.5), a_route("carrier-b", 0.5), revision=7)))
    await following.follow()

    assert following.decider.tables == {"GB": 7}
    assert following.follower.unreadable == {}


async def test_whoever_asks_waits_until_all_tallies_of_that_moment_are_taken() -> None:
    following = Following()
    following.broker.tallies = 1
    waiting = asyncio.create_task(following.follower.caught_up())
    await asyncio.sleep(0.05)
    assert not waiting.done()

    following.write(TALLIES, following.tally())
    await following.follow()
    await waiting


async def test_nobody_waits_for_tallies_where_there_are_none() -> None:
    await Following().follower.caught_up()


async def test_asking_while_the_broker_is_away_fails() -> None:
    following = Following()
    following.broker.away = True
    with pytest.raises(BrokerAway):
        await following.follower.caught_up()

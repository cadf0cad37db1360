"""Counting what the stream brings, whatever order faust brings it in."""

import asyncio

import pytest

from pipeline.errors import BrokerAway, CannotGoOn
from pipeline.records import Tally
from tests.workers.stats.scripted import OTHER, World, accepted
from workers.stats.membership import SEAT


def tally(position: int) -> Tally:
    """Give what somebody else has told of a partition."""
    other = World().broker.counts[SEAT]
    other.begin(position)
    return other.tallies()[0]


async def test_offsets_may_be_committed_when_the_tally_that_counts_them_is_on_the_topic() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    world.topics.acknowledging.clear()
    await world.take(0)
    publishing = asyncio.create_task(world.tallier.publish())
    await asyncio.sleep(0.05)
    await world.take(1)
    assert world.topics.tallies()[-1].position == 1
    assert world.done == []

    world.topics.acknowledging.set()
    await publishing

    assert world.done == [0]


async def test_replayed_record_is_not_counted_again() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    for offset in (0, 1, 0, 1, 2):
        await world.take(offset)
    await world.tallier.publish()

    assert accepted(world.topics.tallies()) == 3
    assert world.tallier.figures["replayed"] == 2
    assert world.done == [0, 1, 0, 1, 2]


async def test_new_owner_goes_on_where_the_last_tally_on_the_topic_ends() -> None:
    world = World()
    world.told = [tally(7)]
    world.tallier.assigned([SEAT])
    for offset in (5, 6, 7):
        await world.take(offset)
    await world.tallier.publish()

    assert [(one.position, accepted([one])) for one in world.topics.tallies()] == [(8, 1)]


async def test_records_that_were_left_out_end_the_process_so_that_they_come_again() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    with pytest.raises(CannotGoOn, match=r"otp\.attempts/0: records from 1 on were left out before 3"):
        await world.take(3)


async def test_records_that_were_deleted_before_anybody_counted_them_are_told() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    world.broker.starts[SEAT] = 10
    await world.take(10)

    assert world.tallier.figures["deleted"] == 9
    assert world.broker.counts[SEAT].position == 11


async def test_record_that_comes_while_the_broker_is_away_waits_for_it() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    world.broker.away = True
    taking = asyncio.create_task(world.take(0))
    while not world.broker.asked:
        await asyncio.sleep(0)
    assert not taking.done()

    world.broker.away = False
    await taking

    assert world.broker.counts[SEAT].position == 1


async def test_everything_is_counted_as_of_the_instant_at_which_the_broker_had_no_more() -> None:
    world = World()
    world.tallier.assigned([SEAT, OTHER])
    await world.take(0)
    world.clock.move(30)
    asked_at = world.clock.at
    await world.tallier.publish()

    as_ofs = {one.partition: one.as_of.timestamp() for one in world.topics.tallies()}
    assert as_ofs == {0: pytest.approx(asked_at - 0.01, abs=1e-5), 1: pytest.approx(asked_at - 0.01, abs=1e-5)}


async def test_partition_that_lags_is_as_of_its_last_record() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    appended_at = world.clock.at
    world.broker.has[SEAT] = 5

    async def later() -> None:
        await asyncio.sleep(0)
        world.clock.move(30)

    await asyncio.gather(world.tallier.publish(), later())

    assert [one.as_of.timestamp() for one in world.topics.tallies()] == [pytest.approx(appended_at, abs=0.002)]


async def test_time_that_is_not_known_yet_completes_nothing() -> None:
    world = World()
    world.clock.error_s = float("inf")
    world.tallier.assigned([SEAT])
    await world.tallier.publish()
    assert world.topics.tallies()[0].as_of.timestamp() == 0


async def test_nothing_is_published_of_partitions_that_were_revoked() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    world.tallier.revoked()
    await world.tallier.publish()

    assert world.topics.tallies() == []
    assert world.done == []


async def test_publishing_fails_while_the_broker_is_away() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    world.broker.away = True
    with pytest.raises(BrokerAway):
        await world.tallier.publish()


async def test_ignored_records_move_the_position_and_are_counted_by_reason() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    for offset, value in enumerate([b"no JSON", None, b'{"v":2}']):
        await world.take(offset, value)
    await world.tallier.publish()

    assert world.tallier.ignored == {"undecodable": 2, "unknown_version": 1}
    assert [(one.position, one.cells) for one in world.topics.tallies()] == [(3, ())]


async def test_offsets_without_a_record_are_passed_over_and_may_be_committed() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    await world.skip(1, 4)
    await world.take(5)
    await world.skip(1, 4)
    await world.tallier.publish()

    assert [(one.position, accepted([one])) for one in world.topics.tallies()] == [(6, 2)]
    assert world.done == [0, 4, 5, 4]


async def test_records_that_were_left_out_before_such_offsets_end_the_process() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    with pytest.raises(CannotGoOn, match=r"records from 1 on were left out before 2"):
        await world.skip(2, 4)


async def test_records_that_are_all_deleted_before_anybody_counted_them_are_no_reason_to_wait() -> None:
    world = World()
    world.tallier.assigned([SEAT])
    await world.take(0)
    world.broker.has[SEAT] = world.broker.starts[SEAT] = 10
    world.clock.move(30)
    publishing = asyncio.create_task(world.tallier.publish())
    await asyncio.sleep(0)
    world.clock.move(1)
    await publishing

    (told,) = world.topics.tallies()
    assert told.position == 10
    assert told.as_of.timestamp() == pytest.approx(world.clock.at - 1.01, abs=1e-5)
    assert world.tallier.figures["deleted"] == 9

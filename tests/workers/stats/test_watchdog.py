"""When only a restart may help, and when there is a reason to wait."""

import pytest

from pipeline.errors import CannotGoOn
from tests.workers.stats.scripted import World
from workers.stats.membership import SEAT
from workers.stats.watchdog import ALONE_S, SILENT_S, Watchdog


class Watched(World):
    """A world with a watchdog that looks each second."""

    def __init__(self) -> None:
        super().__init__()
        self.watchdog = Watchdog(self.broker, self.membership, self.tallier)

    async def go_on(self, seconds: float, *, publishing: bool = True) -> None:
        for _ in range(int(seconds)):
            self.clock.move(1)
            if publishing:
                self.tallier.published_at = self.clock.at
            await self.watchdog.look()


async def test_records_that_wait_while_none_is_counted_end_the_process() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    world.broker.has[SEAT] = 3
    with pytest.raises(CannotGoOn, match="no record was counted"):
        await world.go_on(SILENT_S + 2)
    assert world.watchdog.lag == 3


async def test_records_that_are_counted_slowly_do_not() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    for offset in range(5):
        await world.take(offset)
        world.broker.has[SEAT] = 1000
        await world.go_on(SILENT_S - 1)


async def test_topics_without_new_records_do_not() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    await world.go_on(10 * SILENT_S)


async def test_silence_while_the_broker_is_away_does_not_and_afterwards_the_full_time_begins_anew() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    world.broker.has[SEAT] = 3
    world.broker.away = True
    await world.go_on(60, publishing=False)
    assert world.watchdog.broker_away
    world.broker.away = False
    await world.go_on(SILENT_S - 1, publishing=False)
    with pytest.raises(CannotGoOn):
        await world.go_on(3, publishing=False)


async def test_process_that_was_frozen_gets_its_full_time_anew() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    world.broker.has[SEAT] = 3
    await world.go_on(2)
    world.clock.move(60)
    await world.go_on(SILENT_S - 1)


async def test_tallies_that_the_topic_does_not_take_end_the_process() -> None:
    world = Watched()
    world.tallier.assigned([SEAT])
    with pytest.raises(CannotGoOn, match="nothing was published"):
        await world.go_on(SILENT_S + 2, publishing=False)


async def test_group_that_assigns_nothing_ends_the_process() -> None:
    world = Watched()
    with pytest.raises(CannotGoOn, match="assigned nothing"):
        await world.go_on(ALONE_S + 2)


async def test_member_without_partitions_goes_on() -> None:
    world = Watched()
    world.tallier.assigned([])
    await world.go_on(2 * ALONE_S)


async def test_topic_that_was_made_anew_under_old_tallies_is_found_out() -> None:
    world = Watched()
    world.broker.counts[SEAT].begin(100)
    world.tallier.assigned([SEAT])
    world.broker.has[SEAT] = 3
    with pytest.raises(CannotGoOn, match=r"otp\.attempts/0 has: was that topic made anew"):
        await world.go_on(1)

"""Purging dead letters, on real Kafka and Valkey."""

from pipeline.dead_letters.letters import LetterFilter
from pipeline.dead_letters.redrive import TIER
from pipeline.settings import Settings
from tests.workers.operator_actions.letters import ANYTHING, a_letter, states, values, write
from workers.operator_actions.dead_letters import read
from workers.operator_actions.purge import purge
from workers.operator_actions.redrive import redrive


async def test_purged_letters_are_not_redriven_and_others_stay(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2)])
    purged = await purge(settings, LetterFilter(name="request-000000000001"), author="ann")
    again = await purge(settings, LetterFilter(name="request-000000000001"), author="ann")
    done = await redrive(settings, ANYTHING, author="ann")

    assert (purged.purged, again.purged, again.done_before) == (1, 0, {"purged": 1})
    assert (done.summary.total.redriven, done.summary.done_before) == (1, {"purged": 1})
    assert len(await values(settings, TIER)) == 1


async def test_purge_of_what_was_shown_leaves_what_has_died_since(settings: Settings) -> None:
    await write(settings, [a_letter(1)])
    shown = await read(settings.kafka)
    await write(settings, [a_letter(2)])
    purged = await purge(settings, ANYTHING, author="ann", queue=shown)

    assert purged.purged == 1
    assert await states(settings) == ["open", "purged"]

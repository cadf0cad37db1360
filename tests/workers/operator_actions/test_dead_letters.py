"""Reading dead letters, on real Kafka."""

from dataclasses import replace

import pytest

from pipeline.errors import BrokerAway
from pipeline.records.topics import DEAD
from pipeline.settings import Settings
from tests.workers.operator_actions.letters import NOWHERE, a_letter, states, write
from workers.kafka import create_topics
from workers.operator_actions.dead_letters import read


async def test_letters_are_read_newest_first_and_what_is_none_is_counted(settings: Settings) -> None:
    await write(settings, [a_letter(number) for number in range(5)], b"", b"{", b'{"v": 9}', b"[]")
    queue = await read(settings.kafka)

    assert [letter.dead.request_id for letter in queue.letters] == [f"request-{n:012}" for n in (4, 3, 2, 1, 0)]
    assert queue.broken == 4


async def test_without_kafka_it_is_named(settings: Settings) -> None:
    nowhere = replace(settings, kafka=replace(settings.kafka, bootstrap=NOWHERE))
    with pytest.raises(BrokerAway, match="Kafka"):
        await read(nowhere.kafka)


async def test_letters_are_read_where_nothing_was_ever_done_with_any(settings: Settings, prefix: str) -> None:
    """The topic of resolutions comes with the first process that is new enough to make it."""
    old = replace(settings, kafka=replace(settings.kafka, prefix=f"{prefix}old."))
    await create_topics(old.kafka, [DEAD])
    await write(old, [a_letter(1)])

    assert await states(old) == ["open"]

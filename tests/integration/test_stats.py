"""Statistics processes that share the counted topics of a real broker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.statistics import Statistics, statistics
from workers.embedded.kafka import EmbeddedKafka


@pytest.fixture
async def stats(kafka: EmbeddedKafka, prefix: str, tmp_path: Path) -> AsyncIterator[Statistics]:
    async with statistics(kafka.bootstrap, prefix, tmp_path) as made:
        yield made


async def test_counts_are_the_records_of_the_topics_after_a_join_and_a_kill(stats: Statistics) -> None:
    async with stats.log() as log, stats.process("one") as one:
        await log.trickle(per_s=400, seconds=2)
        async with stats.process("two"):
            await log.trickle(per_s=400, seconds=2)
            one.kill()
            await log.trickle(per_s=400, seconds=4)
            async with stats.process("three"):
                await log.trickle(per_s=400, seconds=2)
                counted = await stats.counted()
                figures = await stats.figures("two")

    assert counted == log.cells
    assert figures["counted"] > 0

"""Statistics processes that are killed, frozen and joined under load: every record is counted, and none twice."""

import logging
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.statistics import Log, Statistics, statistics
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.process import Process

SESSION_S = 2.0
RATE = 300
STRIKES = 20

log = logging.getLogger(__name__)


class Chaos:
    """Three processes, each of which may meet anything."""

    def __init__(self, stats: Statistics, held: AsyncExitStack) -> None:
        self._stats = stats
        self._held = held
        self._dice = random.Random(11)
        self._processes: dict[str, Process] = {}
        self.began = 0

    async def begin(self) -> None:
        """Let one more process join."""
        name = f"stats-{self.began}"
        self.began += 1
        self._processes[name] = await self._held.enter_async_context(self._stats.process(name))

    async def strike(self, records: Log) -> None:
        """Do something to one of them, and go on."""
        name, process = self._dice.choice(list(self._processes.items()))
        blow = self._dice.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP))
        log.info("%s to %s", blow.name, name)
        process.kill(blow)
        await records.trickle(per_s=RATE, seconds=self._dice.uniform(1, 2.5 * SESSION_S))
        if blow is signal.SIGSTOP:
            process.kill(signal.SIGCONT)
        else:
            del self._processes[name]
            await self.begin()
        await records.trickle(per_s=RATE, seconds=self._dice.uniform(0, SESSION_S))
        assert all(each.running() for each in self._processes.values()), "one has ended by itself"


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_counts_are_the_records_of_the_topics_after_many_faults(
    kafka: EmbeddedKafka, prefix: str, tmp_path: Path
) -> None:
    async with (
        statistics(kafka.bootstrap, prefix, tmp_path, session_timeout_s=SESSION_S) as stats,
        stats.log() as records,
        AsyncExitStack() as held,
    ):
        chaos = Chaos(stats, held)
        for _ in range(3):
            await chaos.begin()
        for _ in range(STRIKES):
            await chaos.strike(records)
        counted = await stats.counted()

    assert counted == records.cells

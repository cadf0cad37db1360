"""The cache of Java's classes: made once beside the jars, whole or not at all, and never in the way."""

import asyncio
from pathlib import Path

import pytest

from workers.embedded.aot import aot_cache, training
from workers.embedded.errors import EmbeddedError, MemoryShort, PortTaken, StartFailed
from workers.embedded.process import ProcessSpec
from workers.embedded.readiness import never

FLAGS = ("25.0.2", "-XX:+UseSerialGC")


class Trainer:
    """Writes what a broker would, and counts how often."""

    def __init__(self, fails: EmbeddedError | None = None) -> None:
        self.fails = fails
        self.runs = 0

    async def train(self, output: Path) -> None:
        self.runs += 1
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        self._write(output)

    def _write(self, output: Path) -> None:
        output.write_bytes(b"classes")


async def test_cache_is_made_once_and_found_again(tmp_path: Path) -> None:
    trainer = Trainer()

    first = await aot_cache(tmp_path, FLAGS, trainer.train)
    again = await aot_cache(tmp_path, FLAGS, trainer.train)

    assert first == again
    assert first is not None
    assert first.read_bytes() == b"classes"
    assert trainer.runs == 1


async def test_who_comes_meanwhile_waits_for_it(tmp_path: Path) -> None:
    trainer = Trainer()

    found = await asyncio.gather(*(aot_cache(tmp_path, FLAGS, trainer.train) for _ in range(3)))

    assert len(set(found)) == trainer.runs == 1


async def test_another_java_has_another_cache(tmp_path: Path) -> None:
    trainer = Trainer()

    assert await aot_cache(tmp_path, FLAGS, trainer.train) != await aot_cache(tmp_path, ("26", *FLAGS), trainer.train)


@pytest.mark.parametrize(
    ("fails", "runs"),
    [(StartFailed("kafka ended with status 1"), 1), (MemoryShort("too little"), 2), (PortTaken("by another"), 2)],
)
async def test_training_that_fails_stops_nobody_and_is_tried_again_only_where_that_may_help(
    tmp_path: Path, fails: EmbeddedError, runs: int
) -> None:
    trainer = Trainer(fails)

    assert [await aot_cache(tmp_path, FLAGS, trainer.train) for _ in range(2)] == [None, None]
    assert trainer.runs == runs


def test_nothing_but_the_cache_is_left(tmp_path: Path) -> None:
    made = asyncio.run(aot_cache(tmp_path, FLAGS, Trainer().train))

    assert [path for path in tmp_path.iterdir() if path.name != ".lock"] == [made]


def test_training_changes_nothing_but_what_is_written_at_the_end(tmp_path: Path) -> None:
    spec = ProcessSpec(name="kafka", argv=("/java", "-cp", "a.jar", "kafka.Kafka"), ready=never)

    trained = training(spec, tmp_path / "k.aot")

    assert trained.argv == ("/java", f"-XX:AOTCacheOutput={tmp_path / 'k.aot'}", "-cp", "a.jar", "kafka.Kafka")
    assert (trained.name, trained.ready) == (spec.name, spec.ready)

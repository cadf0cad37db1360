import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from pipeline.consuming.flood import FloodLimits
from pipeline.consuming.offsets import Commit
from pipeline.errors import CannotGoOn, InvalidMessage
from tests.workers.loop.scripted import QUICK, A, B, Hands, ScriptedConsumer, faults, invalid, loop_of, running, until
from workers.loop import Record, failures

FLOOD = replace(QUICK, flood=FloodLimits(failures=20, others=5))


async def test_an_invalid_record_becomes_a_dead_letter_and_its_neighbours_are_handled() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes[1] = invalid()
    consumer.assign(A)
    consumer.append(A, 3)
    async with running(loop_of(consumer, hands)):
        await until(lambda: consumer.commits.get(A) == Commit(position=3))

    assert [(offset, type(error)) for offset, error in hands.buried] == [(1, InvalidMessage)]


async def test_a_record_is_finished_only_after_its_dead_letter() -> None:
    consumer, hands, written = ScriptedConsumer(), Hands(), asyncio.Event()
    hands.outcomes[0] = invalid()

    async def dead_letter(record: Record, error: Exception) -> None:
        hands.buried.append((record.offset, error))
        await written.wait()

    hands.dead_letter = dead_letter  # type: ignore[method-assign]  # a slow one
    consumer.assign(A)
    consumer.append(A, 2)
    async with running(loop_of(consumer, hands)):
        await until(lambda: consumer.commits.get(A, Commit(position=-1)).metadata)
        assert consumer.commits[A].position == 0
        written.set()
        await until(lambda: consumer.commits[A] == Commit(position=2))


async def test_a_defect_of_ours_is_dead_lettered_and_logged_without_its_text() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes[0] = ValueError("+447700900123")
    consumer.assign(A)
    consumer.append(A, 1)
    with capture_logs() as logs:
        async with running(loop_of(consumer, hands)):
            await until(lambda: consumer.commits.get(A) == Commit(position=1))

    (defect,) = [line for line in logs if line["event"] == "record.defect"]
    assert (defect["topic"], defect["partition"], defect["offset"]) == (A.topic, 0, 0)
    assert isinstance(defect.pop("exc_info"), ValueError), "the log writes its type and place"
    assert "447700900123" not in repr(defect)


async def test_a_dead_letter_that_fails_is_written_again_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "RETRY_S", 0.01)
    consumer, hands, tries = ScriptedConsumer(), Hands(), list[int]()
    hands.outcomes[0] = invalid()

    async def dead_letter(record: Record, _: Exception) -> None:
        tries.append(record.offset)
        if len(tries) < 3:
            raise OSError

    hands.dead_letter = dead_letter  # type: ignore[method-assign, assignment]  # one that fails twice
    consumer.assign(A)
    consumer.append(A, 1)
    async with running(loop_of(consumer, hands)):
        await until(lambda: consumer.commits.get(A) == Commit(position=1))

    assert len(tries) == 3


async def test_a_flood_of_our_own_faults_pauses_its_partition_until_an_operator_resumes_it() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes = faults(1000, "shop", "bank")
    consumer.assign(A, B)
    loop = loop_of(consumer, hands, replace(FLOOD, in_flight=1), is_own_fault=lambda _: True)
    async with running(loop):
        consumer.append(A, 1000)
        await until(lambda: loop.paused == {A})
        assert len(hands.started) == len(hands.buried) == 20
        assert A in consumer.paused

        hands.outcomes.clear()
        consumer.append(B, 5)
        await until(lambda: consumer.commits.get(B) == Commit(position=5))
        assert len(hands.offsets(A)) == 20

        loop.resume(A)
        await until(lambda: consumer.commits[A] == Commit(position=1000))
        assert loop.paused == frozenset()


@pytest.mark.parametrize("source", ["shop", None])
async def test_one_callers_bad_records_pause_nothing(source: str | None) -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes = faults(200, source)
    consumer.assign(A)
    consumer.append(A, 200)
    loop = loop_of(consumer, hands, FLOOD, is_own_fault=lambda _: True)
    async with running(loop):
        await until(lambda: consumer.commits.get(A) == Commit(position=200))
        assert loop.paused == frozenset()


async def test_faults_that_are_not_ours_pause_nothing() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes = faults(200, "shop", "bank")
    consumer.assign(A)
    consumer.append(A, 200)
    loop = loop_of(consumer, hands, FLOOD)
    async with running(loop):
        await until(lambda: consumer.commits.get(A) == Commit(position=200))
        assert loop.paused == frozenset()


async def test_when_only_a_restart_may_help_the_loop_ends_and_the_record_stays_unfinished() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    hands.outcomes[1] = CannotGoOn("the producer is broken")
    consumer.assign(A)
    consumer.append(A, 3)

    with pytest.raises(CannotGoOn):
        await loop_of(consumer, hands).run(asyncio.Event())

    assert hands.buried == []
    assert consumer.commits[A].position == 1
    assert consumer.stopped

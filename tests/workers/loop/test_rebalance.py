import asyncio
from dataclasses import replace

from pipeline.consuming.offsets import Commit
from tests.workers.loop.scripted import QUICK, A, B, Hands, ScriptedConsumer, loop_of, running, until


async def test_on_revoke_what_is_in_hand_is_finished_and_committed_first() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 20)
    async with running(loop_of(consumer, hands, replace(QUICK, in_flight=10, drain_s=5.0))):
        await until(lambda: len(hands.started) == 10)
        revoking = asyncio.create_task(consumer.rebalance())
        await until(lambda: not consumer.fetched)
        hands.end(A, range(20))
        await revoking

        assert len(hands.started) == 10, "nothing more of it is started"
        assert consumer.commits[A] == Commit(position=10)


async def test_a_task_of_a_lost_partition_does_not_commit_for_it() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A, B)
    consumer.append(A, 3)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 3)
        hands.end(A, [1])
        await consumer.rebalance(B)
        handed_over = consumer.commits[A]
        consumer.append(B, 1)
        hands.end(A, [0, 2])
        hands.end(B, [0])
        await until(lambda: consumer.commits.get(B) == Commit(position=1))

    assert consumer.commits[A] == handed_over
    assert handed_over.position == 0


async def test_a_partition_that_comes_back_finds_its_running_task_instead_of_starting_another() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 5)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 5)
        hands.end(A, [0, 2])
        await consumer.rebalance(A)
        consumer.append(A, 1)
        await until(lambda: (A, 5) in hands.started)
        hands.end(A, range(6))
        await until(lambda: consumer.commits[A] == Commit(position=6))

    assert sorted(hands.offsets(A)) == [0, 1, 2, 3, 4, 5]


async def test_what_was_fetched_and_not_started_is_left_to_the_next_owner() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 50)
    loop = loop_of(consumer, hands, replace(QUICK, in_flight=1))
    async with running(loop):
        await until(lambda: loop.figures().buffered == 49)
        hands.end(A, [0])
        await consumer.rebalance()
        assert loop.figures().buffered == 0


async def test_fetch_that_began_before_a_rebalance_loses_nothing_of_what_it_brings_after_it() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    consumer.append(A, 1)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 1)
        consumer.answering.clear()
        await asyncio.sleep(0.02)  # the next fetch has begun: it lasts 5 ms without news
        await consumer.rebalance(A)
        consumer.append(A, 1)
        consumer.answering.set()
        await until(lambda: (A, 1) in hands.started)


async def test_a_refused_commit_is_normal() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    consumer.refusing = True
    async with running(loop_of(consumer, hands)):
        consumer.append(A, 3)
        await until(lambda: len(hands.started) == 3)
        consumer.refusing = False
        await until(lambda: consumer.commits.get(A) == Commit(position=3))


async def test_after_the_broker_was_away_the_loop_goes_on() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A)
    async with running(loop_of(consumer, hands)):
        consumer.append(A, 3)
        await until(lambda: len(hands.started) == 3)
        consumer.away = True
        consumer.append(A, 3)
        await asyncio.sleep(0.3)  # longer than a commit is waited for: nothing may happen meanwhile
        assert len(hands.started) == 3
        consumer.away = False
        await until(lambda: consumer.commits.get(A) == Commit(position=6))

    assert len(hands.started) == 6


async def test_a_revoke_is_bounded_while_the_broker_is_away() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 3)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 3)
        hands.end(A, [1])
        consumer.away = True
        async with asyncio.timeout(QUICK.rebalance_s + 1.0):
            await consumer.rebalance()

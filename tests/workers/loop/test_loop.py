import asyncio
from dataclasses import replace

from pipeline.consuming.offsets import Commit
from tests.workers.loop.scripted import QUICK, A, B, Hands, ScriptedConsumer, loop_of, running, until
from workers.loop import Limits, Parking, Partition, Record

LATER = Partition("later", 0)


async def test_every_record_is_handled_and_committed() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A, B)
    consumer.append(A, 250)
    consumer.append(B, 3)
    async with running(loop_of(consumer, hands)):
        await until(lambda: consumer.commits == {A: Commit(position=250), B: Commit(position=3)})

    assert hands.offsets(A) == list(range(250))
    assert hands.offsets(B) == [0, 1, 2]


async def test_all_records_of_a_batch_start_in_one_turn_of_the_event_loop() -> None:
    consumer, begun, seen = ScriptedConsumer(), list[int](), list[int]()

    async def handle(record: Record) -> None:
        if not begun:
            asyncio.get_running_loop().call_soon(lambda: seen.append(len(begun)))
        begun.append(record.offset)

    hands = Hands()
    hands.handle = handle  # type: ignore[method-assign]  # this one test looks at the turns themselves
    consumer.assign(A)
    consumer.append(A, 50)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(begun) == 50)

    assert seen == [50]


async def test_no_more_than_the_limit_is_in_hand_and_a_free_place_is_taken_at_once() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 50)
    loop = loop_of(consumer, hands, replace(QUICK, in_flight=10))
    async with running(loop):
        await until(lambda: len(hands.started) == 10)
        hands.end(A, [3, 7])
        await until(lambda: len(hands.started) == 12)
        assert loop.figures().in_flight == 10
        hands.end(A, range(50))


async def test_records_finish_in_any_order_and_only_unfinished_ones_come_again() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 10)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 10)
        hands.end(A, [0, 1, 4, 9])
        await until(lambda: consumer.commits.get(A, Commit(position=0)).position == 2)

    again = Hands()
    consumer.assign(A)
    async with running(loop_of(consumer, again)):
        await until(lambda: consumer.commits[A] == Commit(position=10))
    assert again.offsets(A) == [2, 3, 5, 6, 7, 8]


async def test_records_that_are_parked_make_room_for_others_and_are_bounded() -> None:
    consumer, hands, go_on = ScriptedConsumer(), Hands(), asyncio.Event()
    parking, started = Parking(20), list[int]()

    async def handle(record: Record) -> None:
        started.append(record.offset)
        with parking.park():
            await go_on.wait()

    hands.handle = handle  # type: ignore[method-assign]  # this one test parks
    consumer.assign(A)
    consumer.append(A, 100)
    async with running(loop_of(consumer, hands, replace(QUICK, in_flight=10), parking=parking)):
        await until(lambda: len(started) == 30)
        assert parking.parked == 20
        go_on.set()
        await until(lambda: consumer.commits.get(A) == Commit(position=100))

    assert parking.parked == 0


async def test_a_full_partition_is_paused_and_resumed_when_half_of_it_is_done() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 500)
    loop = loop_of(consumer, hands, replace(QUICK, in_flight=10, buffer=100))
    async with running(loop):
        await until(lambda: A in consumer.paused)
        assert loop.figures().buffered < 200 + 10
        hands.end(A, range(500))
        await until(lambda: consumer.commits.get(A) == Commit(position=500))
        assert A not in consumer.paused


async def test_a_record_that_is_not_due_waits_without_blocking_others() -> None:
    consumer, hands = ScriptedConsumer(), Hands()
    consumer.assign(A, LATER)
    consumer.append(LATER, 1)
    consumer.append(LATER, 1, age_s=-0.2)
    async with running(loop_of(consumer, hands, delays_s={"later": 0.3})):
        consumer.append(A, 1)
        await until(lambda: hands.started)
        assert hands.started == [(A, 0)]
        await until(lambda: consumer.commits.get(LATER) == Commit(position=2))

    assert hands.started == [(A, 0), (LATER, 0), (LATER, 1)]


async def test_a_polite_stop_finishes_what_is_in_hand_and_starts_nothing_more() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 20)
    async with running(loop_of(consumer, hands, replace(QUICK, in_flight=10, drain_s=5.0))):
        await until(lambda: len(hands.started) == 10)
        asyncio.get_running_loop().call_later(0.05, hands.end, A, range(20))

    assert len(hands.started) == 10
    assert consumer.commits[A] == Commit(position=10)
    assert consumer.stopped


async def test_what_exceeds_the_drain_limit_is_cut_and_stays_unfinished() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 3)
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 3)
        hands.end(A, [1])

    again = Hands()
    consumer.assign(A)
    async with running(loop_of(consumer, again)):
        await until(lambda: len(again.started) == 2)
    assert again.offsets(A) == [0, 2]


async def test_a_stop_is_bounded_while_the_broker_is_away() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 3)
    started = asyncio.get_running_loop().time()
    async with running(loop_of(consumer, hands)):
        await until(lambda: len(hands.started) == 3)
        consumer.away = True
        hands.end(A, range(3))

    assert asyncio.get_running_loop().time() - started < 1.0
    assert consumer.stopped


async def test_figures_tell_what_is_going_on() -> None:
    consumer, hands = ScriptedConsumer(), Hands(held=True)
    consumer.assign(A)
    consumer.append(A, 30)
    limits = Limits(in_flight=10, watchdog_s=0.06, drain_s=0.1)
    loop = loop_of(consumer, hands, replace(limits, watchdog_s=0.6))
    async with running(loop):
        await until(lambda: len(hands.started) == 10)
        hands.end(A, [5])
        await until(lambda: len(hands.started) == 11 and loop.figures().lag)
        figures = loop.figures()
        assert (figures.in_flight, figures.buffered, figures.unfinished) == (10, 19, 10)
        assert 0 < figures.map_characters <= 4096
        assert figures.lag == {A: 0}
        assert not figures.broker_away
        assert figures.idle_s < 5

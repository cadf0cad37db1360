"""Calls made close together travel as one."""

import asyncio
from collections.abc import Sequence

import pytest

from pipeline.errors import RowUnreadable, StoreAway
from workers.state.coalescer import CHUNK, Coalescer


class _Echo:
    """Answers with the question, doubled, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def run(self, questions: Sequence[int]) -> list[int]:
        self.batches.append(len(questions))
        await self.let_go.wait()
        return [2 * question for question in questions]


async def test_questions_of_one_turn_share_a_batch() -> None:
    echo = _Echo()
    coalescer = Coalescer(echo.run, 0.0)

    answers = await asyncio.gather(*(coalescer.ask(number) for number in range(50)))

    assert answers == [2 * number for number in range(50)]
    assert echo.batches == [50]


async def test_questions_asked_while_a_batch_travels_share_the_next() -> None:
    echo = _Echo()
    echo.let_go.clear()
    coalescer = Coalescer(echo.run, 0.0)
    first = asyncio.create_task(coalescer.ask(1))
    while not echo.batches:
        await asyncio.sleep(0)
    later = [asyncio.create_task(coalescer.ask(number)) for number in range(2, 9)]
    await asyncio.sleep(0)
    echo.let_go.set()

    assert await asyncio.gather(first, *later) == [2 * number for number in range(1, 9)]
    assert echo.batches == [1, 7]


async def test_questions_asked_soon_after_an_answer_share_the_next_batch() -> None:
    echo = _Echo()
    coalescer = Coalescer(echo.run, 0.05)
    await coalescer.ask(1)
    later = []
    for number in range(2, 9):
        later.append(asyncio.create_task(coalescer.ask(number)))
        await asyncio.sleep(0)

    assert await asyncio.gather(*later) == [2 * number for number in range(2, 9)]
    assert echo.batches == [1, 7]


async def test_large_batch_is_cut() -> None:
    echo = _Echo()
    coalescer = Coalescer(echo.run, 0.0)

    await asyncio.gather(*(coalescer.ask(number) for number in range(CHUNK + 1)))

    assert echo.batches == [CHUNK, 1]


async def test_everybody_of_a_failed_batch_is_told_and_the_next_one_works() -> None:
    failing = True

    async def run(questions: Sequence[int]) -> Sequence[int]:
        if failing:
            raise StoreAway("away")
        return questions

    coalescer = Coalescer(run, 0.0)

    results = await asyncio.gather(*(coalescer.ask(number) for number in range(3)), return_exceptions=True)

    assert [type(result) for result in results] == [StoreAway] * 3
    failing = False
    assert await coalescer.ask(7) == 7


async def test_answer_that_is_an_error_is_raised_to_its_own_asker_alone() -> None:
    async def run(questions: Sequence[int]) -> Sequence[int | Exception]:
        return [RowUnreadable("no") if question == 1 else question for question in questions]

    coalescer = Coalescer(run, 0.0)

    results = await asyncio.gather(*(coalescer.ask(number) for number in range(3)), return_exceptions=True)

    assert (results[0], type(results[1]), results[2]) == (0, RowUnreadable, 2)


async def test_asker_that_gives_up_harms_nobody() -> None:
    echo = _Echo()
    echo.let_go.clear()
    coalescer = Coalescer(echo.run, 0.0)
    leaving, staying = asyncio.create_task(coalescer.ask(1)), asyncio.create_task(coalescer.ask(2))
    while not echo.batches:
        await asyncio.sleep(0)
    leaving.cancel()
    echo.let_go.set()

    assert await staying == 4
    with pytest.raises(asyncio.CancelledError):
        await leaving

"""Calls made close together travel as one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

CHUNK: Final = 500  # calls in one script run: keeps it under 10 ms, others wait meanwhile
Q = TypeVar("Q")
A = TypeVar("A")


class Coalescer(Generic[Q, A]):
    """Answers many questions by one call of `run`, which gives the answers in the order of the questions.

    An answer that is an exception is raised to its own asker, and to nobody else.

    The first question after a pause goes at once, with those of the same turn of the event loop. What is asked while a
    batch is on its way, and for `linger_s` seconds after its answer, shares the next one: an asyncio round trip costs
    about as much CPU as the hand-over of a code.
    """

    def __init__(self, run: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]], linger_s: float) -> None:
        self._run = run
        self._linger_s = linger_s
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Give the answer to one question. Raises what `run` gave for it, or raised for its batch."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:CHUNK], self._waiting[CHUNK:]
            await self._answer(batch)
            if len(self._waiting) < CHUNK:
                await asyncio.sleep(self._linger_s)
        self._sender = None

    async def _answer(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        waiting = [future for _, future in batch]
        try:
            answers = await self._run([question for question, _ in batch])
            answered = list(zip(waiting, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - every asker gets it; none may wait for ever
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in answered:
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

"""Since when codes count: after a loss of state, codes issued before it are refused."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from pipeline.state.faults import StoreCondition
from workers.log import get_log
from workers.state.client import Store

LOST: Final = b"lost"  # what a script answers when the epoch is not settled for the server that runs it

log = get_log("state")


class Clock(Protocol):
    """Broker time, as this process knows it."""

    def now(self) -> datetime:
        """Give aware UTC."""
        ...


class Settled(StrEnum):
    """How an epoch was settled."""

    KEPT = "kept"  # it was
    RESTORED = "restored"  # a key that held it was evicted or deleted, alone: no code is refused for that
    CARRIED = "carried"  # over a restart of a server that keeps every write
    BEGUN = "begun"  # anew: the store was empty, at its first start or because all of it was lost
    BROKEN = "broken"  # anew: the server may have forgotten writes, or is a replica in its master's place


class Epoch:
    """The instant before which issued codes are refused, with the run of the server that it was settled for.

    It lives in the store itself, twice, and the scripts compare its run with the one that executes them: whatever
    happened to the server between two calls is noticed by the second, in every process, without trust in a connection.
    A server that keeps every write forgets nothing by a restart; any other may have, and so may a replica in its place.
    What a process remembers of it proves nothing, since an emptied server looks the same as one that lost this key; the
    second copy does.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.when_back.append(self.settle)

    async def settle(self, *, questions: int = 1) -> StoreCondition:
        """Settle the epoch for the server that answers now, and give what it says of itself. Raises StoreAway.

        `questions` is as what it counts.
        """
        condition = await self._store.condition(questions=questions)
        now_ms = int(self._clock.now().timestamp() * 1000)
        answer = await self._store.run("epoch", condition.run, int(condition.durable), now_ms, questions=questions)
        if answer is None:
            log.warning("store.restarted_meanwhile")  # the next call finds the epoch unsettled and comes here again
        else:
            self._tell(Settled(answer.decode()))
        return condition

    def _tell(self, settled: Settled) -> None:
        if settled is Settled.KEPT:
            return
        self._store.settled[settled] += 1
        write = log.info if settled is Settled.CARRIED else log.warning
        write("store.epoch_settled", reason=settled)

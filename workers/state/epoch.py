"""Since when codes count: after a loss of state, codes issued before it are refused."""

from datetime import datetime
from typing import Final, Protocol

from workers.log import get_log
from workers.state.client import Store

LOST: Final = b"lost"  # what a script answers when the epoch is not settled for the server that runs it

log = get_log("state")


class Clock(Protocol):
    """Broker time, as this process knows it."""

    def now(self) -> datetime:
        """Give aware UTC."""
        ...


class Epoch:
    """The instant before which issued codes are refused, with the run of the server that it was settled for.

    It lives in the store itself, and the scripts compare its run with the one that executes them: whatever happened to
    the server between two calls is noticed by the second, in every process, without trust in a connection.
    A server that keeps every write forgets nothing by a restart; any other may have, and so may a replica in its place.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.when_back.append(self.settle)

    async def settle(self) -> None:
        """Settle the epoch for the server that answers now; done already, it does nothing. Raises StoreAway."""
        run, durable = await self._store.identity()
        now_ms = int(self._clock.now().timestamp() * 1000)
        if not await self._store.run("epoch", run, int(durable), now_ms):
            log.warning("store.restarted_meanwhile")  # the next call finds the epoch unsettled and comes here again

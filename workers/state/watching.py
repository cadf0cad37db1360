"""Looks after the store beside the work: what is no good about it is said, whether or not somebody enters a code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from pipeline.errors import StoreAway
from pipeline.state.faults import WORDS, StoreFault, faults
from workers.log import get_log
from workers.state.client import Store
from workers.state.ending import end
from workers.state.epoch import Clock, Epoch

LOOK_EVERY_S: Final = 15.0  # as often as Prometheus asks; an answer of INFO is 6 kB

log = get_log("state")


class BrokerTime(Clock, Protocol):
    """Broker time, and how well it is known."""

    @property
    def error_s(self) -> float:
        """How wrong it may be: infinite before the broker was heard."""
        ...


@asynccontextmanager
async def watched(store: Store, epoch: Epoch, clock: BrokerTime) -> AsyncIterator[None]:
    """Look at the store, at once and every 15 s, while the block runs."""
    looking = asyncio.create_task(_keep_looking(store, epoch, clock))
    try:
        yield
    finally:
        await end(looking)


async def look(store: Store, epoch: Epoch, clock: BrokerTime) -> None:
    """Settle the epoch, find out whether the store takes writes, and say what is no good. Raises StoreAway."""
    await store.probe()
    condition = await epoch.settle(questions=0)  # beside requests, of which operations are counted
    now_s = clock.now().timestamp() if clock.error_s < 1.0 else None
    _say(store, faults(condition, now_s))


def _say(store: Store, found: frozenset[StoreFault]) -> None:
    """Say what has changed since the last look."""
    for fault in sorted(found - store.faults):
        log.warning("store.fault", reason=fault, remedy=WORDS[fault])
    for fault in sorted(store.faults - found):
        log.info("store.fault_over", reason=fault)
    store.faults = found


async def _keep_looking(store: Store, epoch: Epoch, clock: BrokerTime) -> None:
    while True:
        try:
            await look(store, epoch, clock)
        except StoreAway:
            pass  # which the store has said itself
        except Exception:
            log.exception("store.look_failed")
        await asyncio.sleep(LOOK_EVERY_S)

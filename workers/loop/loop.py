"""Fetches, starts, finishes; gives partitions up in order; stops politely.

One task per record is started straight from the fetched batch; a task that ends starts the next waiting record
itself, in the same turn of the event loop. A record is finished when `handle` has returned, or `dead_letter` for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from pipeline.consuming.backlog import Backlog, Partition
from pipeline.errors import BrokerAway, CannotGoOn
from workers.log import get_log
from workers.loop.alarm import Alarm
from workers.loop.commits import Commits
from workers.loop.failures import Failures
from workers.loop.handling import Handler
from workers.loop.limits import Figures, Limits
from workers.loop.parking import Parking
from workers.loop.seam import Consumer, Record
from workers.loop.watchdog import Watchdog

log = get_log("loop")

_RETRY_S: Final = 0.5  # between tries to read what the group has committed
_NOTICE_S: Final = 1.0  # that a cancelled task may take to end


class Loop:
    """The consume loop of one process. Made inside a running event loop, run once.

    `delays_s` gives the delay of delay topics: their records are due so long after their append. `now` is the
    broker's time in seconds. `is_own_fault` tells failures that a bad release of ours would cause from all others.
    What `handle` parks in `parking` makes room for other records.
    """

    def __init__(
        self,
        consumer: Consumer,
        handle: Callable[[Record], Awaitable[None]],
        dead_letter: Callable[[Record, Exception], Awaitable[None]],
        *,
        now: Callable[[], float],
        delays_s: Mapping[str, float] | None = None,
        is_own_fault: Callable[[Exception], bool] = lambda _: False,
        limits: Limits | None = None,
        parking: Parking | None = None,
    ) -> None:
        self._limits = limits = limits or Limits()
        self._consumer = consumer
        self._now = now
        self._events = asyncio.get_running_loop()
        self._backlog: Backlog[Record] = Backlog(high=limits.buffer, low=limits.buffer // 2, delays_s=delays_s or {})
        self._commits = Commits(
            consumer, self._backlog, every_s=limits.commit_every_s, timeout_s=limits.commit_timeout_s
        )
        self._failures = Failures(dead_letter, is_own_fault, limits.flood)
        self._handler = Handler(handle, self._failures, self._events.time)
        self._watchdog = Watchdog(consumer, self._backlog, limits, self._events.time)
        self._in_hand: dict[tuple[Partition, int], asyncio.Task[None]] = {}
        self._broken: asyncio.Future[None] = self._events.create_future()
        self._owning = False  # between an assignment and the next revocation
        self._revocations = 0
        self._stopping = False
        self._parking = parking or Parking(0)
        self._parking.when_parked = self._fill
        self._alarm = Alarm(self._wake)

    @property
    def paused(self) -> frozenset[Partition]:
        """The partitions that a flood of our own faults has paused, until `resume`."""
        return frozenset(share.partition for share in self._backlog.shares.values() if share.held)

    def resume(self, partition: Partition) -> None:
        """Go on with a partition that a flood has paused. Nothing happens when it is not paused, or not ours."""
        if partition not in self.paused:
            return
        log.info("partition.resumed", topic=partition.topic, partition=partition.number)
        self._failures.forget([partition])
        self._backlog.release(partition)
        if not self._backlog.shares[partition].full:
            self._consumer.resume(partition)
        self._fill()

    def figures(self) -> Figures:
        """Give the figures for health and status."""
        shares = self._backlog.shares.values()
        maps = [len(commit.metadata) for share in shares if (commit := share.offsets.commit())]
        return Figures(
            member=self._owning,
            in_flight=len(self._in_hand),
            parked=self._parking.parked,
            buffered=sum(len(share.waiting) for share in shares),
            unfinished=sum(share.offsets.unfinished for share in shares),
            map_characters=max(maps, default=0),
            lag=self._watchdog.lag,
            idle_s=self._watchdog.idle_s,
            broker_away=self._watchdog.broker_away,
            paused=self.paused,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain, commit and leave.

        Raises CannotGoOn when only a restart may help, and whatever a fetch raises: end the process with an error.
        """
        works = self._fetch_on(), self._commits.keep_writing(), self._watchdog.watch(lambda: len(self._in_hand))
        jobs = [asyncio.create_task(work) for work in works]
        stopped = asyncio.create_task(stop.wait())
        ends: list[asyncio.Future[Any]] = [self._broken, *jobs]
        failures: list[BaseException | None] = []
        try:
            await asyncio.wait({stopped, *ends}, return_when=asyncio.FIRST_COMPLETED)
            failures = [end.exception() for end in ends if end.done()]
        finally:
            stopped.cancel()
            self._broken.cancel()
            await self._leave(*jobs)
        for failure in filter(None, failures):
            raise failure

    async def _fetch_on(self) -> None:
        await self._consumer.start(self._revoked, self._begin_owning)
        while not self._stopping:
            batch = await self._consumer.fetch()
            self._watchdog.fetched()
            # What comes between a revocation and the next assignment comes again after it. Counted here and not
            # before the fetch: one that began before a rebalance may bring the first records of what follows it.
            revocations = self._revocations
            if batch and self._owning and await self._assigned(batch.keys(), revocations):
                self._accept(batch)
                await asyncio.sleep(0)  # the next fetch may be answered at once: let the tasks begin before it

    async def _assigned(self, partitions: Iterable[Partition], revocations: int) -> bool:
        """Begin the shares of partitions that came for the first time. False: they were revoked meanwhile."""
        new = [partition for partition in partitions if partition not in self._backlog.shares]
        while new and revocations == self._revocations:
            try:
                committed = await self._consumer.committed(new)
            except BrokerAway:
                await asyncio.sleep(_RETRY_S)
                continue
            if revocations == self._revocations:
                for partition in new:
                    self._backlog.assign(partition, committed.get(partition))
                new = []
        return revocations == self._revocations and not self._stopping

    def _accept(self, batch: Mapping[Partition, Sequence[Record]]) -> None:
        for partition, records in batch.items():
            if self._backlog.put(partition, records):
                self._consumer.pause(partition)
        self._watchdog.progress()
        self._fill()

    def _fill(self) -> None:
        """Start as many records as may be in hand, all in this turn of the event loop."""
        now = self._now()
        while len(self._in_hand) - self._parking.parked < self._limits.in_flight and not self._stopping:
            found = self._backlog.next(now)
            if found is None:
                self._alarm.set(self._backlog.wake_at(), now)
                break
            share, record = found
            place = share.partition, record.offset
            if place not in self._in_hand:  # else a task from before a rebalance is still at it
                self._in_hand[place] = self._events.create_task(self._work(place, record))
        while self._backlog.relieved:
            self._relieve(self._backlog.relieved.pop())

    def _relieve(self, partition: Partition) -> None:
        share = self._backlog.shares.get(partition)
        if share and not share.held:
            self._consumer.resume(partition)

    def _wake(self) -> None:
        """Look again at the records that were not due."""
        self._backlog.wake()
        self._fill()

    async def _work(self, place: tuple[Partition, int], record: Record) -> None:
        finished = False
        try:
            if await self._handler.finish(place[0], record):
                self._hold(place[0])
            finished = True
        except CannotGoOn as error:
            if not self._broken.done():
                self._broken.set_exception(error)
        finally:
            self._done(place, finished=finished)

    def _done(self, place: tuple[Partition, int], *, finished: bool) -> None:
        """Count a record as finished, if its partition is (still, or again) ours, and start the next one."""
        del self._in_hand[place]
        partition, offset = place
        share = self._backlog.shares.get(partition)
        if share and finished:
            share.offsets.finish(offset)
            self._backlog.stir(share)
        self._watchdog.progress()
        self._fill()

    def _hold(self, partition: Partition) -> None:
        """Pause a partition whose records fail by our own fault, until an operator resumes it."""
        share = self._backlog.shares.get(partition)
        if share is None or share.held:
            return
        log.error("partition.paused", topic=partition.topic, partition=partition.number, reason="own_faults")
        self._backlog.hold(partition)
        self._consumer.pause(partition)

    def _begin_owning(self) -> None:
        self._owning = True

    async def _revoked(self, partitions: Collection[Partition]) -> None:
        """Give partitions up: start nothing more of them, let what is in hand end, commit, forget them.

        A task that takes longer goes on, and its outcome counts only if the partition comes back to us.
        """
        self._owning = False
        self._revocations += 1
        self._backlog.leave(partitions)
        try:
            await self._drain(task for (partition, _), task in self._in_hand.items() if partition in partitions)
            await self._commits.write()
        finally:
            self._backlog.forget(partitions)
            self._failures.forget(partitions)

    async def _drain(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        if waiting := list(tasks):
            await asyncio.wait(waiting, timeout=self._limits.drain_s)

    async def _leave(self, fetching: asyncio.Task[None], *others: asyncio.Task[None]) -> None:
        """Stop politely, and within a bounded time even when the broker is away."""
        self._stopping = True
        await self._drain(self._in_hand.values())
        unfinished = tuple(self._in_hand.values())
        if unfinished:
            log.warning("drain.cut_short", count=len(unfinished))
        await _cancel(*unfinished, *others)
        await self._commits.write()
        await self._consumer.stop()
        await _cancel(fetching)
        self._alarm.set(None, 0.0)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """Cancel, and give the tasks a moment to notice."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_NOTICE_S)

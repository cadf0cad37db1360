"""What is known of each route: messages by send second, with what was heard of them, and how long that takes.

Counts come as tallies, absolute for each source partition, and are merged here. Instants are epoch seconds of the
broker's clock, and time is passed in.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.evidence.delays import Delays
from pipeline.records import Cell, Counts, Tally

WINDOW_S: Final = 660  # what is kept: the longest life of a code and a minute
IN_TIME_S: Final = 30  # a message that is heard of within so long is in time
BLOCK_S: Final = 5  # send seconds in which rejections are judged together
AHEAD_S: Final = 5  # a send so long after the second that has just begun is from the future

Source = tuple[str, int]  # topic and partition
RouteName = tuple[str, str]  # provider and country
NOTHING: Final = Counts()


@dataclass(slots=True)
class Bucket:
    """Messages of one route. The fields are those of Counts."""

    accepted: int = 0
    refused: int = 0
    denied: int = 0
    delivered: int = 0
    failed: int = 0
    rejected: int = 0
    verified: int = 0
    missed: int = 0
    rescued: int = 0
    first: int = 0
    creditable: int = 0

    def add(self, counts: Counts, before: Counts) -> None:
        """Add what has come since `before`."""
        for name in _FIELDS:
            setattr(self, name, getattr(self, name) + getattr(counts, name) - getattr(before, name))


_FIELDS: Final = Counts.__struct_fields__  # in their order


class Heard(NamedTuple):
    """What was heard of some messages. A receipt that truly says that the person cannot be reached is a good one."""

    sent: int
    delivered: int
    failed: int
    creditable: int
    verified: int
    refused: int
    missed: int


class Weight(NamedTuple):
    """Whose fault rejected messages are, as shares of them. Of the rest nobody knows."""

    recipients: float  # who truly cannot be reached
    route: float  # which says so of people that others reach


class RejectedReceipts(NamedTuple):
    """RejectedReceipts messages, by whose fault it is."""

    recipients: int
    route: int
    nobody: int  # it is not known: they say nothing


UNWEIGHED: Final = Weight(0.0, 0.0)


@dataclass(slots=True)
class Signal:
    """Receipts of delivery, or entered codes: how many came ever, and how long they take.

    A delay is learned when its message is a minute old. Learned at once, the quick ones would come first and look like
    all of them, each time that a route gets more traffic.
    """

    heard: int = 0
    delays: Delays = field(default_factory=Delays)
    young: dict[int, list[tuple[float, int]]] = field(default_factory=dict)  # send second -> delay and count
    newest: int = 0  # the last send second of which something came

    def note(self, second: int, count: int, at: float) -> None:
        """Note what came in one second of messages of another."""
        self.heard += count
        self.newest = max(self.newest, second)
        self.young.setdefault(second, []).append((at - second, count))

    def settle(self, second: int, now: float) -> None:
        """Learn from the messages of a second that is a minute old, and of older ones that came late."""
        for late in [other for other in self.young if other <= second]:
            for delay_s, count in self.young.pop(late):
                self.delays.note(delay_s, count, now)


@dataclass(slots=True)
class RouteEvidence:
    """One provider in one country."""

    seconds: dict[int, dict[str, Bucket]] = field(default_factory=dict)  # send second -> configuration -> messages
    receipts: Signal = field(default_factory=Signal)
    entries: Signal = field(default_factory=Signal)  # codes that were entered and right
    weights: dict[int, Weight] = field(default_factory=dict)  # of the rejected messages of each block of send seconds
    rejected_at: int = 0  # the last send second of which something was rejected

    def bucket(self, second: int, config: str) -> Bucket:
        """Give the bucket of a second and configuration, made when it is new."""
        return self.seconds.setdefault(second, {}).setdefault(config, Bucket())

    def heard(self, oldest: int, newest: int) -> Heard | None:
        """Give what was heard of the messages of these seconds, both in it; none where nothing was sent."""
        sent = delivered = failed = creditable = verified = refused = missed = 0
        found = False
        seconds = self.seconds
        for second in range(oldest, newest + 1):
            if second in seconds:
                found = True
                for one in seconds[second].values():
                    sent += one.accepted
                    delivered += one.delivered
                    failed += one.failed
                    creditable += one.creditable
                    if one.rejected:
                        theirs, ours, nobodys = self.weighed(second, one.rejected)
                        sent, creditable = sent - nobodys, creditable - theirs - nobodys
                        delivered, failed = delivered + theirs, failed + ours
                    verified += one.verified
                    refused += one.refused
                    missed += one.missed
        if not found:
            return None
        sent, creditable = max(sent, delivered + failed), max(creditable, verified)
        return Heard(sent, delivered, failed, creditable, verified, refused, missed)

    def weighed(self, second: int, rejected: int) -> RejectedReceipts:
        """Tell whose fault so many rejected messages of a second are."""
        weight = self.weights.get(second // BLOCK_S, UNWEIGHED)
        route = round(rejected * weight.route)
        recipients = min(round(rejected * weight.recipients), rejected - route)
        return RejectedReceipts(recipients, route, rejected - route - recipients)


@dataclass(slots=True)
class _Counted:
    """What a source partition has told."""

    position: int = 0
    as_of: float = 0.0
    cells: dict[tuple[int, str, str, str], Counts] = field(default_factory=dict)


class Evidence:
    """Everything that is known. `sources` are the partitions that must all have told before anything is judged."""

    def __init__(self, sources: Collection[Source] = ()) -> None:
        self._sources: dict[Source, _Counted] = {source: _Counted() for source in sources}
        self._pruned_at = 0.0
        self.routes: dict[RouteName, RouteEvidence] = {}

    @property
    def as_of(self) -> float:
        """Give the instant up to which everything is counted; 0 while a source has not told yet."""
        return min((counted.as_of for counted in self._sources.values()), default=0.0)

    @property
    def complete(self) -> int:
        """Give the last second that is counted as a whole; it is what `now` means to whoever judges."""
        return _complete(self.as_of)

    def take(self, tally: Tally) -> None:
        """Merge a tally. One that says less than is known already changes nothing."""
        counted = self._sources.setdefault((tally.topic, tally.partition), _Counted())
        if tally.position < counted.position:
            return
        counted.position = tally.position
        counted.as_of = max(counted.as_of, tally.as_of.timestamp())
        at = _complete(tally.as_of.timestamp())
        for cell in tally.cells:
            key = (cell.second, cell.provider, cell.country, cell.config)
            self.add(cell, at, counted.cells.get(key, NOTHING))
            counted.cells[key] = cell.counts
        self._prune(at)

    def add(self, cell: Cell, at: float, before: Counts = NOTHING) -> None:
        """Count a cell that is known at this instant, less what was counted of it before."""
        if not at - WINDOW_S <= cell.second <= at + 1 + AHEAD_S:
            return
        route = self.route(cell.provider, cell.country)
        route.bucket(cell.second, cell.config).add(cell.counts, before)
        if heard := cell.counts.delivered - before.delivered:
            route.receipts.note(cell.second, heard, at)
        if cell.counts.rejected > before.rejected:
            route.rejected_at = max(route.rejected_at, cell.second)
        if heard := cell.counts.verified - before.verified:
            route.entries.note(cell.second, heard, at)

    def route(self, provider: str, country: str) -> RouteEvidence:
        """Give what is known of a route, nothing yet when it is new."""
        route = self.routes.get((provider, country))
        if route is None:
            route = self.routes[provider, country] = RouteEvidence()
        return route

    def prune(self, now: float) -> None:
        """Forget what is older than the window."""
        oldest = int(now) - WINDOW_S
        for route in self.routes.values():
            for second in [second for second in route.seconds if second < oldest]:
                del route.seconds[second]
            for block in [block for block in route.weights if block < oldest // BLOCK_S]:
                del route.weights[block]
        for counted in self._sources.values():
            counted.cells = {key: counts for key, counts in counted.cells.items() if key[0] >= oldest}

    def _prune(self, now: float) -> None:
        if now - self._pruned_at >= 60:  # noqa: PLR2004 - a minute
            self._pruned_at = now
            self.prune(now)


def _complete(as_of: float) -> int:
    return int(as_of) - 1

"""Which routes are in trouble now."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.evidence import Bucket, Evidence, RouteName
from pipeline.incidents.measure import SURE
from pipeline.incidents.world import LATELY_S, World
from pipeline.records import Mode, RouteState

DENIED_S: Final = 10  # hand-overs of so long show whether a credential is good
ROW_S: Final = 60  # breakers let few through, so it may take so long to see several in a row
DENIED: Final = 5  # so many denied, and half of all: it is not
IN_A_ROW: Final = 3  # so many denied and nothing taken in between: this is as sure
# A table may call a route broken because its provider fails elsewhere, or by the chance of very few messages.
DOUBTED_S: Final = 60
UNLIKELY: Final = 0.05  # to be normal, by the table
TOGETHER: Final = frozenset({Mode.ALL_BAD, Mode.SIGNAL_LOST})


class Trouble:
    """The routes in trouble. A broken one is doubted, for a while or for good, when nothing heard bears it out."""

    def __init__(self) -> None:
        self._broken_since: dict[RouteName, float] = {}  # epoch seconds

    def now(self, world: World, known: Collection[RouteName]) -> frozenset[RouteName]:
        """Give the routes in trouble; those that are `known` to be are not doubted."""
        broken = [name for name, route in world.routes.items() if route.state is RouteState.BROKEN]
        self._broken_since = {name: self._broken_since.get(name, world.now) for name in broken}
        of_known = {provider for provider, _ in known}
        believed = (name for name in broken if name in known or self._believed(name, world, of_known))
        denying = (name for name in denied(world.evidence, world.second) if name in world.routes)
        return frozenset([*believed, *denying, *_failing_together(world)])

    def _believed(self, name: RouteName, world: World, of_known: Collection[str]) -> bool:
        """Tell whether to believe it: by what was heard, or else when the tables are sure for long enough."""
        if world.says_wrong(name) >= SURE:
            return True
        lasts = world.now - self._broken_since[name] >= DOUBTED_S and world.routes[name].normal <= UNLIKELY
        return lasts and name[0] not in of_known and not world.speaks_against(name)


def _failing_together(world: World) -> Iterator[RouteName]:
    """Give the suspect routes of countries where nothing is moved, when what was heard bears it out."""
    for name, route in world.routes.items():
        if route.state is RouteState.SUSPECT and world.mode(name[1]) in TOGETHER:
            yield from [name] if world.measure([name], world.second - LATELY_S).fallen else []


@dataclass(slots=True)
class HandOvers:
    """The hand-overs of some seconds."""

    handed: int = 0
    denied: int = 0
    in_a_row: int = 0  # denied since the last second in which any was taken

    def add(self, bucket: Bucket, *, counts: bool) -> None:
        """Add a second; they come in their order, and the last ones count."""
        if counts:
            self.handed += bucket.accepted + bucket.refused
            self.denied += bucket.denied
        self.in_a_row = 0 if bucket.accepted else self.in_a_row + bucket.denied

    @property
    def mostly_denied(self) -> bool:
        """Tell whether at least half of them were denied."""
        return self.denied > 0 and 2 * self.denied >= self.handed

    @property
    def surely_denied(self) -> bool:
        """Tell whether so many were that it is no chance."""
        return self.in_a_row >= IN_A_ROW or (self.denied >= DENIED and self.mostly_denied)


def denied(evidence: Evidence, now: int) -> set[RouteName]:
    """Give the routes on which our credential, account or sender is denied now."""
    concerned = {name[0] for name in _with_denials(evidence, now)}
    if not concerned:
        return set()
    of_route = {name: _hand_overs(evidence, [name], now) for name in evidence.routes if name[0] in concerned}
    of_provider = {
        provider: _hand_overs(evidence, [name for name in of_route if name[0] == provider], now)
        for provider in concerned
    }
    return {
        name
        for name, of in of_route.items()
        if of.surely_denied or (of.mostly_denied and of_provider[name[0]].surely_denied)
    }


def _with_denials(evidence: Evidence, now: int) -> Iterator[RouteName]:
    lately = range(now - DENIED_S, now + 1)
    for name, route in evidence.routes.items():
        seconds = route.seconds
        for second in lately:
            if second in seconds and any(bucket.denied for bucket in seconds[second].values()):
                yield name
                break


def _hand_overs(evidence: Evidence, names: list[RouteName], now: int) -> HandOvers:
    found = HandOvers()
    for second in range(now - ROW_S, now + 1):
        total = Bucket()
        for name in names:
            for bucket in evidence.routes[name].seconds.get(second, {}).values():
                total.accepted += bucket.accepted
                total.refused += bucket.refused
                total.denied += bucket.denied
        found.add(total, counts=second >= now - DENIED_S)
    return found

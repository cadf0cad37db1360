"""Which routes are in trouble now."""

from collections.abc import Collection, Iterator
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.incidents.measure import SURE
from pipeline.incidents.world import LATELY_S, World
from pipeline.records import Mode, RouteState

# A table may call a route broken because its provider fails elsewhere, or by the chance of very few messages.
DOUBTED_S: Final = 60
UNLIKELY: Final = 0.05  # to be normal, by the table


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
        return frozenset([*believed, *world.denied, *_failing_together(world)])

    def _believed(self, name: RouteName, world: World, of_known: Collection[str]) -> bool:
        """Tell whether to believe it: by what was heard, or else when the tables are sure for long enough."""
        if world.says_wrong(name) >= SURE:
            return True
        lasts = world.now - self._broken_since[name] >= DOUBTED_S and world.routes[name].normal <= UNLIKELY
        return lasts and name[0] not in of_known and not world.speaks_against(name)


def _failing_together(world: World) -> Iterator[RouteName]:
    """Give the suspect routes of countries where nothing is moved, when what was heard bears it out."""
    for name, route in world.routes.items():
        if route.state is RouteState.SUSPECT and world.mode(name[1]) is Mode.ALL_BAD:
            yield from [name] if world.measure([name], world.second - LATELY_S).fallen else []

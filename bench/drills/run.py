"""A drill from nothing to its figures, on a system of its own."""

from collections.abc import Callable

from bench.drills.drills import Drill, Size
from bench.drills.practice import Moment, Practice
from bench.drills.results import Result, result
from bench.ground import Surroundings
from workers.cli.callers import key_of
from workers.embedded.system import Shape, System


async def run(around: Surroundings, drill: Drill, size: Size, show: Callable[[Moment], None]) -> Result:
    """Start a system in the folder, run the drill, count, and stop everything. Raises EmbeddedError, BrokerAway."""
    system = System(
        around.folder,
        cache=around.cache,
        settings=around.settings,
        environ=around.environ,
        shape=Shape(behaviour=drill.behaviour),
        on_change=lambda status: around.tell(f"{status.name} {status.state}"),
    )
    _, api_key = key_of(around.settings)
    async with system.running():
        practice = Practice(system, around.settings, api_key, drill=drill, size=size, show=show)
        observed = await practice.run()
    return result(observed)

"""A drill from nothing to its figures, on a system of its own."""

from collections.abc import Callable
from pathlib import Path

from bench.drills.drills import Drill, Size
from bench.drills.practice import Moment, Practice
from bench.drills.results import Result, result
from bench.ground import Surroundings
from pipeline.settings import Secret
from workers.embedded.system import Shape, System


async def run(
    around: Surroundings,
    drill: Drill,
    size: Size,
    api_key: Secret,
    show: Callable[[Moment], None],
    *,
    postmortem: Path | None = None,
) -> Result:
    """Start a system in the folder, run the drill, count, and stop everything. Raises EmbeddedError, BrokerAway.

    The key is that of the caller who asks for codes. `postmortem` is a folder for that of the first incident, written
    from the topics while the system still runs.
    """
    system = System(
        around.folder,
        cache=around.cache,
        settings=around.settings,
        environ=around.environ,
        shape=Shape(behaviour=drill.behaviour),
        on_change=lambda status: around.tell(f"{status.name} {status.state}"),
    )
    async with system.running() as supervisor:
        practice = Practice(system, around.settings, api_key, drill=drill, size=size, show=show, supervisor=supervisor)
        observed = await practice.run()
        if postmortem:
            around.tell("writing the postmortem")
            await practice.write_up(observed, postmortem)
    return result(observed)

"""A drill from nothing to its figures, on a system of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.drills.drills import Drill, Size
from bench.drills.practice import Moment, Practice
from bench.drills.results import Result, result
from bench.ground import Surroundings
from workers.cli.callers import key_of
from workers.embedded.system import Shape, System
from workers.postmortem import write_up


async def run(
    around: Surroundings, drill: Drill, size: Size, show: Callable[[Moment], None], *, postmortem: Path | None = None
) -> Result:
    """Start a system in the folder, run the drill, count, and stop everything. Raises EmbeddedError, BrokerAway.

    `postmortem` is a folder for that of the first incident, written from the topics while the system still runs.
    """
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
        if postmortem and observed.incidents:
            around.tell("writing the postmortem")
            kafka = replace(around.settings.kafka, bootstrap=system.kafka.bootstrap)
            life = timedelta(seconds=around.settings.otp.ttl_s)
            await write_up(kafka, observed.incidents[0].incident_id, postmortem, life=life)
    return result(observed)

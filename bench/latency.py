"""From 202 to the request's bytes in the carrier's journal, through the whole system with one dispatcher."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.ground import Surroundings, machine
from bench.line import Line, at_most, plain
from bench.people import people
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.checker import check
from workers.embedded.system import HEALTHY, Shape, System

RATE: Final = 50.0  # requests a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    warm_s: float = 5.0  # everything is imported, connected and assigned; not counted
    seconds: float = 60.0


QUICK: Final = Size(warm_s=2.0, seconds=3.0)


async def measure(around: Surroundings, size: Size) -> dict[str, Any]:
    """Let people ask for codes and enter them, and count."""
    around.tell("start the whole system, with one dispatcher")
    system = System(
        around.folder,
        cache=around.cache,
        settings=around.settings,
        environ=around.environ,
        shape=Shape(dispatchers=1, behaviour=HEALTHY),
    )
    async with system.running():
        around.tell(f"warm up for {size.warm_s:g} s")
        warm = CallersJournal(system.folder / "journals" / "warm-up.jsonl")
        await people(system, around.settings, warm, rate=RATE, seconds=size.warm_s)
        around.tell(f"{RATE:g} requests a second for {size.seconds:g} s")
        counted = CallersJournal(system.callers_journal)
        await people(system, around.settings, counted, rate=RATE, seconds=size.seconds)
        kafka = replace(around.settings.kafka, bootstrap=system.kafka.bootstrap)
        figures = await check(kafka, callers=system.callers_journal, carriers=system.carriers_journal)
    names = ("accept_to_handover_p50_ms", "accept_to_handover_p99_ms", "requested", "accepted", "verified", "lost")
    return {**{name: getattr(figures, name) for name in names}, "rate": RATE, "seconds": size.seconds, **machine()}


def lines(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give the figures as people read them."""
    yield at_most(found["accept_to_handover_p50_ms"], 25, "from 202 to the carrier's journal, median", " ms")
    yield at_most(found["accept_to_handover_p99_ms"], 150, "for 99 in 100", " ms")
    yield plain(f"{found['verified']}", f"of {found['requested']} codes verified, {found['rate']:g} a second")

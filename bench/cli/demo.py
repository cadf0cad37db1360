"""`ithaca demo`: the whole system for a minute, with people who ask for codes and enter them, and an outage."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.cli.shares import live, view
from bench.cli.surroundings import CACHE
from pipeline.settings import Secret, Settings
from workers.cli.callers import key_of, page_of
from workers.cli.figures import all_well, show_figures, show_sentences
from workers.cli.invocation import ConfigOption, invocation
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from bench.drills.practice import Observed
    from bench.drills.results import Result
    from workers.embedded.system import System

BEFORE: Final = "up"  # in the help: it is the first that a newcomer runs

FOLDER: Final = Path(".ithaca/demo")  # made anew by each demo
POSTMORTEM: Final = FOLDER / "postmortem"
DRILL: Final = "gateway-setting"
SETTLE_S: Final = 30.0  # after the last request; a healthy system needs about 3

STEPS: Final = ("asked", "accepted", "delivered", "verified")  # fields of Tally
OUTAGE_SECONDS: Final = {
    "detected_s": "until it had less than half of its traffic",
    "drained_s": "until it had less than 20 %",
}
OUTAGE_CODES: Final = {
    "swallowed": "codes were swallowed",
    "rescued": "of these came through another carrier",
    "undelivered": "codes of this part never arrived",
    "notify_undelivered": "would not have arrived by GOV.UK Notify's published rules",
}

app = typer.Typer()


@app.command()
def demo(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option(metavar="S", min=1, max=3600, help="How long people ask for codes.")] = 10,
    rate: Annotated[float, typer.Option(metavar="N", min=0.1, max=500, help="Requests a second.")] = 20,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Send and enter codes on a system of its own, and break a carrier.

    Starts real Kafka, real Valkey, three simulated carriers, API, dispatchers, receipts and statistics; asks for codes,
    reads them off the handsets, enters them; then lets the leading carrier swallow everything, and shows how traffic
    leaves it. Prints what became of each code, stops everything. Exit code 0 when every code arrived and was found
    right.
    """
    called = invocation(ctx, config)
    observed, written = asyncio.run(_demo(called.settings(), called.environ_of_processes(), seconds=seconds, rate=rate))
    from bench.drills.drills import DEMO
    from bench.drills.report import document
    from bench.drills.results import result

    outage = result(observed)
    show_figures(observed.figures)
    _show_outage(outage)
    if written:
        console().print(f"its postmortem, written from the topics: {POSTMORTEM / 'postmortem.md'}")
    well = all_well(observed.figures) and outage.drained_s is not None
    _show_verdict(well=well)
    write_json(json_to, {**asdict(observed.figures), "drill": document(observed.drill, DEMO, [outage])})
    raise typer.Exit(0 if well else 1)


async def _demo(
    settings: Settings, environ: Mapping[str, str], *, seconds: float, rate: float
) -> "tuple[Observed, bool]":
    """Give what the drill at the end has seen, and whether it is written up."""
    from bench.drills.drills import DEMO, drill
    from bench.drills.practice import Practice
    from workers.embedded.system import HEALTHY, Shape, System

    _, api_key = key_of(settings)
    shutil.rmtree(FOLDER, ignore_errors=True)
    async with AsyncExitStack() as standing:
        with _progress() as progress:
            step = progress.add_task("start Kafka, Valkey, carriers and our own processes", total=None, detail="")
            system = System(
                FOLDER,
                cache=CACHE,
                settings=settings,
                environ=environ,
                shape=Shape(behaviour=HEALTHY),
                on_change=lambda status: progress.update(step, detail=f"{status.name} {status.state}"),
                progress=lambda done, total: progress.update(step, detail=f"Kafka's jars: {done} of {total}"),
            )
            supervisor = await standing.enter_async_context(system.running())
            progress.update(step, total=1, completed=1, detail="ready")
            progress.console.print(f"watch it at {page_of(settings, system.urls['ops'])}")
            await _ask_and_enter(system, api_key, progress, rate=rate, seconds=seconds)
        with live("now the leading carrier breaks") as display:
            practice = Practice(
                system,
                settings,
                api_key,
                drill=drill(DRILL),
                size=DEMO,
                show=lambda moment: display.update(view(moment)),
                supervisor=supervisor,
            )
            observed = await practice.run()
            display.update("write the postmortem, and stop everything")
            written = await practice.write_up(observed, POSTMORTEM)
            await standing.aclose()
    return observed, written


async def _ask_and_enter(system: "System", api_key: Secret, progress: Progress, *, rate: float, seconds: float) -> None:
    from workers.embedded.callers_journal import CallersJournal
    from workers.embedded.traffic import Plan, Tally, Traffic

    bars = {word: progress.add_task(word, total=int(rate * seconds), detail="") for word in STEPS}

    def show(tally: Tally) -> None:
        for word, bar in bars.items():
            progress.update(bar, completed=getattr(tally, word))

    plan = Plan(
        api_url=system.urls["api"],
        api_key=api_key,
        carriers_url=system.urls["carrier"],
        rate=rate,
        seconds=seconds,
        journal_key=system.journal_key,
        repeat_s=SETTLE_S,
    )
    journal = CallersJournal(system.callers_journal)
    await Traffic(plan, journal, on_progress=show).run(settle_s=SETTLE_S)
    journal.close()


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="*"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", style="dim"),
        console=console(),
    )


def _show_outage(outage: "Result") -> None:
    """Print what the system did about the broken carrier."""
    broken = ", ".join(outage.broken)
    rows = [(_seconds(getattr(outage, name)), sentence) for name, sentence in OUTAGE_SECONDS.items()]
    rows += [(str(getattr(outage, name)), sentence) for name, sentence in OUTAGE_CODES.items()]
    console().print(f"\nthen {broken} accepted everything and delivered nothing:", style="bold")
    show_sentences(rows)
    for word in (outage.why, outage.summary):
        if word:
            console().print(f'"{word}"', style="italic")


def _show_verdict(*, well: bool) -> None:
    """Print the verdict on both parts."""
    verdict = "every code arrived and was found right" if well else "not all is well: see the figures above"
    console().print(verdict, style="bold green" if well else "bold red")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"

"""`ithaca demo`: the whole system for half a minute, with people who ask for codes and enter them."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.settings import Secret, Settings
from workers.cli.callers import key_of
from workers.cli.invocation import ConfigOption, invocation
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from pipeline.figures import Figures
    from workers.embedded.system import System

FOLDER: Final = Path(".ithaca/demo")  # made anew by each demo
CACHE: Final = Path(".cache/jars")
SETTLE_S: Final = 30.0  # after the last request; a healthy system needs about 3

STEPS: Final = ("asked", "accepted", "delivered", "verified")  # fields of Tally
SENTENCES: Final = {
    "requested": "codes were asked for",
    "accepted": "were answered 202: durable in Kafka",
    "handed_over": "reached a carrier",
    "delivered": "reached a handset",
    "verified": "were entered and found right",
    "dead": "ended as dead letters",
    "expired": "expired before a hand-over",
    "lost": "were lost",
    "duplicates_excused": "messages were doubled, where the outcome was unknowable",
    "duplicates_unexcused": "messages were doubled without an excuse",
    "mixed": "requests got two different codes",
    "misrouted": "messages went to a wrong number",
    "late": "messages were sent after the code's life",
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
    """Send and enter codes on a system of its own.

    Starts real Kafka, real Valkey, three simulated carriers, API, dispatchers and receipts; asks for codes, reads
    them off the handsets, enters them, prints what became of each, stops everything. Exit code 0 when every code
    arrived and was found right.
    """
    called = invocation(ctx, config)
    figures = asyncio.run(_demo(called.settings(), called.environ_of_processes(), seconds=seconds, rate=rate))
    show_figures(figures)
    write_json(json_to, asdict(figures))
    raise typer.Exit(0 if all_well(figures) else 1)


async def _demo(settings: Settings, environ: Mapping[str, str], *, seconds: float, rate: float) -> "Figures":
    from workers.embedded.checker import check
    from workers.embedded.system import HEALTHY, Shape, System

    _, api_key = key_of(settings)
    shutil.rmtree(FOLDER, ignore_errors=True)
    with _progress() as progress:
        step = progress.add_task("start Kafka, Valkey, carriers, API, dispatchers, receipts", total=None, detail="")
        system = System(
            FOLDER,
            cache=CACHE,
            settings=settings,
            environ=environ,
            shape=Shape(behaviour=HEALTHY),
            on_change=lambda status: progress.update(step, detail=f"{status.name} {status.state}"),
            progress=lambda done, total: progress.update(step, detail=f"Kafka's jars: {done} of {total}"),
        )
        async with system.running():
            progress.update(step, total=1, completed=1, detail="ready")
            await _ask_and_enter(system, api_key, progress, rate=rate, seconds=seconds)
            step = progress.add_task("check journals and topics, stop everything", total=None, detail="")
            kafka = replace(settings.kafka, bootstrap=system.kafka.bootstrap)
            figures = await check(kafka, callers=system.callers_journal, carriers=system.carriers_journal)
        progress.update(step, total=1, completed=1, detail="")
    return figures


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


def show_figures(figures: "Figures") -> None:
    """Print the checker's summary."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    for name, sentence in SENTENCES.items():
        table.add_row(str(getattr(figures, name)), sentence)
    p50, p99 = figures.accept_to_handover_p50_ms, figures.accept_to_handover_p99_ms
    if p50 is not None and p99 is not None:
        table.add_row(f"{p50:.0f} ms", f"from 202 to the carrier, median; {p99:.0f} ms for 99 in 100")
    console().print(table)
    well = all_well(figures)
    verdict = "every code arrived and was found right" if well else "not every code arrived: see the figures above"
    console().print(verdict, style="bold green" if well else "bold red")


def all_well(figures: "Figures") -> bool:
    """Tell whether every code that was asked for arrived once, and was found right."""
    never = ("dead", "expired", "lost", "duplicates_unexcused", "phantom", "mixed", "misrouted", "late", "unterminated")
    whole = figures.requested == figures.accepted == figures.delivered == figures.verified
    return whole and figures.requested > 0 and not any(getattr(figures, name) for name in never)

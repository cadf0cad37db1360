"""`ithaca bench`: the figures of docs/reference/figures.md, measured on this machine."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cli.lines import add_line
from bench.cli.surroundings import surroundings
from workers.cli.invocation import Invocation
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from bench.measurement import Measurement

FOLDER: Final = Path(".ithaca/bench")  # made anew by each measurement
FIGURES: Final = ("pipeline", "kill", "latency", "memory", "adapters", "decision", "routing", "stats", "ops")
# What measurements need and an installed `ithaca` has not -> where it comes from.
BESIDE: Final = {
    "playwright": "one of the test tools: `make setup-dev`",
    "tests": "which lie in the project's folder: run it there",
}

QuickOption = Annotated[bool, typer.Option("--quick", help="As little as possible: to see that it works.")]
Found = Mapping[str, Any]

app = typer.Typer()
bench = typer.Typer(
    name="bench",
    no_args_is_help=True,
    help="Measure rate, CPU, crash, latency, memory and the decisions. With the development settings, own servers.",
)
app.add_typer(bench)


@bench.command()
def pipeline(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """Rate and CPU of a dispatcher beside the bare HTTP client, in turn."""
    write_json(json_to, _measure(ctx, ["pipeline"], quick=quick)["pipeline"])


@bench.command()
def kill(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """Kill a dispatcher with SIGKILL under load, and count what is lost and doubled."""
    write_json(json_to, _measure(ctx, ["kill"], quick=quick)["kill"])


@bench.command()
def latency(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """From 202 to the carrier, at 50 requests a second."""
    write_json(json_to, _measure(ctx, ["latency"], quick=quick)["latency"])


@bench.command()
def memory(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """Memory of every process, at 200 requests a second."""
    write_json(json_to, _measure(ctx, ["memory"], quick=quick)["memory"])


@bench.command()
def adapters(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """CPU of each adapter per message, and per forged callback. Needs the project's tests beside it."""
    write_json(json_to, _measure(ctx, ["adapters"], quick=quick)["adapters"])


@bench.command()
def decision(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """CPU of the choice of a provider, by the route tables and the breakers."""
    write_json(json_to, _measure(ctx, ["decision"], quick=quick)["decision"])


@bench.command()
def routing(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """CPU of the router, per provider, country and second."""
    write_json(json_to, _measure(ctx, ["routing"], quick=quick)["routing"])


@bench.command()
def stats(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """Events that the statistics count, and how old what is known gets under load."""
    write_json(json_to, _measure(ctx, ["stats"], quick=quick)["stats"])


@bench.command()
def ops(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """Memory of the operators' page under load, and how soon it shows what happens. Needs Chromium and Playwright."""
    write_json(json_to, _measure(ctx, ["ops"], quick=quick)["ops"])


@bench.command(name="all")
def everything(ctx: typer.Context, *, quick: QuickOption = False, json_to: JsonOption = None) -> None:
    """All of them, one after the other: about a quarter of an hour."""
    write_json(json_to, _measure(ctx, list(FIGURES), quick=quick))


def _measure(ctx: typer.Context, names: list[str], *, quick: bool) -> dict[str, Found]:
    with _progress() as progress:
        found = {name: _one(name, ctx.obj, progress, quick=quick) for name in names}
    console().print(_table(found))
    return found


def _one(name: str, called: Invocation, progress: Progress, *, quick: bool) -> Found:
    step = progress.add_task(name, total=None, detail="")
    module = _module(name)
    around = surroundings(called, FOLDER / name, lambda text: progress.update(step, detail=text))
    found = asyncio.run(module.measure(around, module.QUICK if quick else module.Size()))
    progress.update(step, total=1, completed=1, detail="")
    return found


def _module(name: str) -> "Measurement":
    """Import what measures only when it is asked for: it brings clients along, and may need what lies BESIDE."""
    try:
        return cast("Measurement", import_module(f"bench.{name}"))
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in BESIDE:
            raise
        raise typer.BadParameter(f"{name} needs {missing}, {BESIDE[missing]}") from None


def _table(found: Mapping[str, Found]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column()
    table.add_column("figure", justify="right")
    table.add_column()
    table.add_column("target")
    for name, figures in found.items():
        for line in _module(name).lines(figures):
            add_line(table, line, name)
    size = next(iter(found.values()))
    table.caption = f"on {size['cores']} cores and {size['memory_gib']:g} GiB"
    return table


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="*"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", style="dim"),
        console=console(),
    )

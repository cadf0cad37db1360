"""`ithaca drill`: an outage on the running system, and what the system did about it."""

import asyncio
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from pipeline.reports.postmortem.written import DOCUMENT
from pipeline.settings.problems import meant
from workers.cli.invocation import Invocation
from workers.cli.output import JsonOption, console, write_json
from workers.cli.shares import live, view

FOLDER: Final = Path(".ithaca/drill")  # each drill makes its own in it anew
CACHE: Final = Path(".cache/jars")
ALL: Final = "all"

app = typer.Typer()


def free(folder: Path | None) -> Path | None:
    """Refuse a folder with a postmortem before anything is done, not after."""
    if folder and (folder / DOCUMENT).exists():
        raise typer.BadParameter(f"{folder / DOCUMENT} is there already; name another folder")
    return folder


@app.command()
def drill(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|all", help="Which one. Left out: the drills that there are.")
    ] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="In its short form; with `all` those that have one.")] = False,
    runs: Annotated[int, typer.Option(metavar="N", min=1, max=20, help="How often each of them is run.")] = 1,
    postmortem: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            callback=free,
            help="Write the postmortem of the incident there; of several runs, each in a folder of its own in it.",
        ),
    ] = None,
    json_to: JsonOption = None,
) -> None:
    """Cause an outage on a system of its own, and print what it did about it.

    With the development settings: real Kafka, real Valkey, three simulated carriers, and people who ask for codes and
    enter them. What became of the codes is counted from the journals of carriers and callers. Exit code 0 when every
    figure is within its limit.
    """
    drills = import_module("bench.drills.drills")  # nothing in workers/ knows bench/
    if name is None:
        console().print(_list(drills.DRILLS))
        return
    report = import_module("bench.drills.report")
    found = {}
    for one in _chosen(drills.DRILLS, name, quick=quick):
        size = one.quick if quick else one.size
        results = [
            _run(ctx, one, size, turn, runs, _folder(postmortem, one.name, turn, alone=name != ALL and runs == 1))
            for turn in range(1, runs + 1)
        ]
        console().print(_table(report, one, results))
        found[one.name] = report.document(one, size, results)
    met = all(one["met"] for one in found.values())
    if len(found) > 1:
        console().print(_overview(found))
    write_json(json_to, {"drills": found, "met": met} if name == ALL else next(iter(found.values())))
    raise typer.Exit(0 if met else 1)


def _chosen(drills: Sequence[Any], name: str, *, quick: bool) -> list[Any]:
    short = [one for one in drills if one.quick]
    if name == ALL:
        return short if quick else list(drills)
    names = [one.name for one in drills]
    if name not in names:
        raise typer.BadParameter(f"No such drill '{name}'; {meant(name, [ALL, *names])}", param_hint="NAME")
    if quick and name not in {one.name for one in short}:
        having = ", ".join(one.name for one in short)
        raise typer.BadParameter(f"'{name}' has no short form; these have one: {having}", param_hint="--quick")
    return [one for one in drills if one.name == name]


def _folder(postmortem: Path | None, name: str, turn: int, *, alone: bool) -> Path | None:
    """Give the folder of one run's postmortem."""
    if postmortem is None or alone:
        return postmortem
    return postmortem / f"{name}-{turn}"


def _run(ctx: typer.Context, drill: Any, size: Any, turn: int, runs: int, postmortem: Path | None) -> Any:
    called: Invocation = ctx.obj
    out = console()
    out.print(f"{drill.name}{f', run {turn} of {runs}' if runs > 1 else ''}: {drill.does}", style="bold")
    out.print(import_module("bench.drills.report").sentence(size), style="dim")
    folder = FOLDER / drill.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    from pipeline.settings.parse import parse

    with live("starting the system") as display:
        around = import_module("bench.ground").Surroundings(
            folder=folder,
            cache=CACHE,
            settings=parse(),
            environ={key: value for key, value in called.environ.items() if not key.startswith("ITHACA_")},
            tell=display.update,
        )
        show = import_module("bench.drills.run").run
        work = show(around, drill, size, lambda moment: display.update(view(moment)), postmortem=postmortem)
        result = asyncio.run(work)
    if postmortem:
        there = (postmortem / DOCUMENT).exists()
        out.print(f"its postmortem: {postmortem / DOCUMENT}" if there else "no postmortem: there was no incident")
    return result


def _list(drills: Sequence[Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("drill", "what happens", "outage", "short form"):
        table.add_column(heading)
    for one in drills:
        table.add_row(one.name, one.does, one.outage, "yes" if one.quick else "")
    return table


def _table(report: Any, drill: Any, results: Sequence[Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("figure", justify="right")
    table.add_column()
    table.add_column("limit")
    for line in report.lines(drill, results):
        style = {True: "green", False: "bold red", None: ""}[line.met]
        table.add_row(line.value, line.meaning, line.target, style=style)
    table.caption = "\n".join(report.words(results[-1]))
    table.caption_justify = "left"
    return table


def _overview(found: dict[str, Any]) -> Table:
    """Give one line for each drill."""
    table = Table(box=None, pad_edge=False)
    table.add_column("drill")
    names = ("detected_s", "drained_s", "requested", "swallowed", "rescued", "undelivered", "notify_undelivered")
    for heading in (*names, "cause", "missed"):
        table.add_column(heading, justify="left" if heading in {"cause", "missed"} else "right")
    for name, one in found.items():
        cells = ["none" if one[figure] is None else f"{one[figure]:.5g}" for figure in names]
        style = "green" if one["met"] else "bold red"
        table.add_row(name, *cells, one["cause"] or "none", ", ".join(one["missed"]), style=style)
    return table

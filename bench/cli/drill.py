"""`ithaca drill`: an outage on the running system, and what the system did about it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from bench.cli.lines import table_of
from bench.cli.shares import live, view
from bench.cli.surroundings import surroundings
from pipeline.reports.postmortem.written import DOCUMENT
from pipeline.settings.problems import meant
from workers.cli.callers import key_of
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from bench.drills.drills import Drill, Size
    from bench.drills.results import Result

BEFORE: Final = "bench"  # in the help
FOLDER: Final = Path(".ithaca/drill")  # each drill makes its own in it anew
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
    from bench.drills.drills import DRILLS

    if name is None:
        console().print(_list(DRILLS))
        return
    from bench.drills.report import document

    found = {}
    for one in _chosen(DRILLS, name, quick=quick):
        size = one.quick if quick and one.quick else one.size
        results = [
            _run(ctx, one, size, turn, runs, _folder(postmortem, one.name, turn, alone=name != ALL and runs == 1))
            for turn in range(1, runs + 1)
        ]
        console().print(_table(one, results))
        found[one.name] = document(one, size, results)
    met = all(one["met"] for one in found.values())
    if len(found) > 1:
        console().print(_overview(found))
    write_json(json_to, {"drills": found, "met": met} if name == ALL else next(iter(found.values())))
    raise typer.Exit(0 if met else 1)


def _chosen(drills: "Sequence[Drill]", name: str, *, quick: bool) -> "list[Drill]":
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


def _run(ctx: typer.Context, drill: "Drill", size: "Size", turn: int, runs: int, postmortem: Path | None) -> "Result":
    from bench.drills.report import sentence
    from bench.drills.run import run

    out = console()
    out.print(f"{drill.name}{f', run {turn} of {runs}' if runs > 1 else ''}: {drill.does}", style="bold")
    out.print(sentence(size), style="dim")
    with live("starting the system") as display:
        around = surroundings(ctx.obj, FOLDER / drill.name, display.update)
        _, api_key = key_of(around.settings)
        work = run(around, drill, size, api_key, lambda moment: display.update(view(moment)), postmortem=postmortem)
        result = asyncio.run(work)
    if postmortem:
        there = (postmortem / DOCUMENT).exists()
        out.print(f"its postmortem: {postmortem / DOCUMENT}" if there else "no postmortem: there was no incident")
    return result


def _list(drills: "Sequence[Drill]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("drill", "what happens", "outage", "short form"):
        table.add_column(heading)
    for one in drills:
        table.add_row(one.name, one.does, one.outage, "yes" if one.quick else "")
    return table


def _table(drill: "Drill", results: "Sequence[Result]") -> Table:
    from bench.drills.report import lines, words

    table = table_of(lines(drill, results), figure="figure", target="limit")
    table.caption = "\n".join(words(results[-1]))
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

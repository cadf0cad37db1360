"""`ithaca check-journal`: what became of the requests, counted from outside."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.figures import all_well, show_figures
from workers.cli.invocation import ConfigOption, DataOption, load_beside
from workers.cli.output import JsonOption, write_json

app = typer.Typer()
File = typer.Option(exists=True, dir_okay=False, readable=True)


@app.command(name="check-journal")
def check_journal(
    ctx: typer.Context,
    callers: Annotated[Path, File],
    carriers: Annotated[Path, File],
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Count what became of the requests.

    Reads the callers' journal, the carriers' journal and the topics, and prints what was lost, doubled, late or mixed
    up. Exit code 0 when every code that was asked for arrived once and was found right.
    """
    settings = load_beside(ctx, config, data).settings
    from workers.embedded.checker import check

    figures = asyncio.run(check(settings.kafka, callers=callers, carriers=carriers))
    show_figures(figures)
    write_json(json_to, asdict(figures))
    raise typer.Exit(0 if all_well(figures) else 1)

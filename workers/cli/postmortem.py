"""`ithaca postmortem`: an incident written up, with a chart and a fact sheet for the provider."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from pipeline.reports.postmortem.written import DOCUMENT
from workers.cli.incidents import IdArgument, read_told, told_of
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from pipeline.reports.postmortem.written import Written

NUMBERS: Final = ("requested", "swallowed", "rescued", "undelivered")

app = typer.Typer()


@app.command(context_settings={"ignore_unknown_options": True})  # an id may begin with a dash
def postmortem(
    ctx: typer.Context,
    incident_id: IdArgument,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", file_okay=False, help="Where to; made where it is missing.")
    ],
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a postmortem that is there.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Write the postmortem of an incident from what is on the topics.

    A Markdown document with a chart, and a fact sheet with a CSV file for the provider where one is to blame. No file
    holds a code, a phone number or anything else of a person. Attempts and receipts are kept for a week, dead letters
    for a day.
    """
    settings = load_beside(ctx, config, data).settings
    if not force and (to / DOCUMENT).exists():
        raise typer.BadParameter(
            f"{to / DOCUMENT} is there already, perhaps with notes of people; name another folder, or add --force",
            param_hint="--to",
        )
    told = told_of(read_told(settings), incident_id)
    from workers.operator_actions.postmortem import postmortem as written_up

    with naming_kafka(settings):
        written = asyncio.run(written_up(settings.kafka, told, life=timedelta(seconds=settings.otp.ttl_s)))
    paths = _store(written, to)
    console().print(Text(", ".join(f"{name} {written.numbers[name]}" for name in NUMBERS)))
    for path in paths:
        console().print(Text(str(path)), soft_wrap=True)
    write_json(json_to, {**written.numbers, "files": [str(path) for path in paths]})


def _store(written: "Written", folder: Path) -> list[Path]:
    from workers.operator_actions.postmortem import store

    try:
        return store(written, folder)
    except OSError as error:
        fault = f"{folder} cannot be written ({error.strerror}); name another folder"
        raise typer.BadParameter(fault, param_hint="--to") from None

"""`ithaca incidents`: what went wrong, what it was not, and what was done about it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from msgspec import to_builtins
from rich.table import Table
from rich.text import Text

from pipeline.records import Cause, Incident, Phase
from pipeline.reports.postmortem.told import meant, newest, of
from pipeline.reports.postmortem.wording import clock, lasted
from pipeline.settings import Settings, problems
from workers.cli.dead_letters.options import age_of
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, program, write_json

LISTED: Final = 5  # ids that are named where none, or more than one, is meant

app = typer.Typer()
incidents = typer.Typer(name="incidents", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(incidents)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Of the incident, or its beginning if no other has it.")]


@incidents.callback()
def group() -> None:
    """Look at what went wrong, and what was done about it."""


def cause_of(word: str) -> Cause:
    """Read a cause of the closed list."""
    if word not in set(Cause):
        raise typer.BadParameter(f"No such cause '{word}'; {problems.meant(word, list(Cause))}")
    return Cause(word)


@incidents.command(name="list")
def list_(
    ctx: typer.Context,
    cause: Annotated[
        Cause | None, typer.Option("--cause", metavar="CAUSE", parser=cause_of, help=f"Only of {', '.join(Cause)}.")
    ] = None,
    since: Annotated[
        timedelta | None,
        typer.Option("--since", metavar="AGE", parser=age_of, help="Only those that lasted into it, such as 2h or 7d."),
    ] = None,
    *,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """List incidents: those that are open first, then the latest."""
    settings = load_beside(ctx, config, data).settings
    now = datetime.now(UTC)
    found = [
        incident
        for incident in newest(read_told(settings))
        if cause in {None, incident.cause}
        and (not only_open or incident.phase is not Phase.CLOSED)
        and (since is None or (incident.closed_at or now) >= now - since)
    ]
    _show_list(found, now)
    write_json(json_to, {"incidents": [to_builtins(incident) for incident in found]})


@incidents.command(context_settings={"ignore_unknown_options": True})  # an id may begin with a dash
def show(
    ctx: typer.Context,
    incident_id: IdArgument,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Show all that is known of one incident."""
    settings = load_beside(ctx, config, data).settings
    told = told_of(read_told(settings), incident_id)
    _show_one(told)
    write_json(json_to, to_builtins(told[-1]))


def read_told(settings: Settings) -> list[Incident]:
    """Read all that was told of incidents. Raises BrokerAway."""
    from workers.operator_actions.postmortem import incidents as read

    with naming_kafka(settings):
        return asyncio.run(read(settings.kafka))


def told_of(told: Sequence[Incident], start: str) -> list[Incident]:
    """Give all that was told of the incident whose id begins so. Raises BadParameter where that is none, or many."""
    ids = meant(told, start)
    if len(ids) == 1:
        return of(told, ids[0])
    there = ids or [incident.incident_id for incident in newest(told)]
    named = ", ".join(there[:LISTED]) + (f" and {len(there) - LISTED} more" if len(there) > LISTED else "")
    if ids:
        raise typer.BadParameter(f"'{start}' begins {len(ids)} ids: {named}; write more of it", param_hint="ID")
    what = f"there are: {named}" if there else "there are none at all: nothing has gone wrong that Kafka still knows of"
    raise typer.BadParameter(f"No incident '{start}'; {what}", param_hint="ID")


def _show_list(found: Sequence[Incident], now: datetime) -> None:
    out = console()
    if not found:
        out.print("no incidents")
        return
    table = Table(
        "incident", "state", "cause", "where", "onset (UTC)", "length", "swallowed", "rescued", box=None, pad_edge=False
    )
    for one in found:
        table.add_row(
            Text(one.incident_id, style="" if one.phase is Phase.CLOSED else "bold"),
            "closed" if one.phase is Phase.CLOSED else "open",
            one.cause.value,
            _where(one),
            clock(one.onset_at),
            lasted((one.closed_at or now) - one.onset_at),
            str(one.swallowed),
            str(one.rescued),
        )
    out.print(table)
    for one in found:
        out.print(Text(f"{one.incident_id}  {one.summary}"), soft_wrap=True)


def _show_one(told: Sequence[Incident]) -> None:
    incident, out = told[-1], console()
    for name, value in _fields(incident):
        out.print(Text.assemble((f"{name:10}", "bold"), value), soft_wrap=True)
    for heading, sentences in (("what it is not", incident.not_causes), ("what was done", incident.done)):
        out.print(Text(heading, style="bold"))
        for sentence in sentences or ("nothing",):
            out.print(Text(f"  {sentence}"), soft_wrap=True)
    command = f"{program()} postmortem {incident.incident_id} --to FOLDER"
    out.print(Text(f"write its postmortem: {command}", style="dim"), soft_wrap=True)


def _fields(incident: Incident) -> list[tuple[str, str]]:
    end = clock(incident.closed_at) if incident.closed_at else "still open"
    return [
        ("incident", incident.incident_id),
        ("state", "closed" if incident.phase is Phase.CLOSED else "open"),
        ("cause", incident.cause.value),
        ("where", _where(incident)),
        ("version", incident.config or "all"),
        ("summary", incident.summary),
        ("onset", f"{clock(incident.onset_at)} UTC"),
        ("opened", f"{clock(incident.opened_at)} UTC"),
        ("updated", f"{clock(incident.updated_at)} UTC"),
        ("closed", f"{end}{' UTC' if incident.closed_at else ''}"),
        ("sent", f"{incident.requested} codes that way since the onset"),
        ("swallowed", str(incident.swallowed)),
        ("rescued", str(incident.rescued)),
    ]


def _where(incident: Incident) -> str:
    return f"{incident.provider or 'all providers'} in {incident.country or 'all countries'}"

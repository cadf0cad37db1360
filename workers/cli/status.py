"""`ithaca status`: topics, consumer groups, workers, providers, state store."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from pipeline.state.faults import WORDS, StoreFault
from workers.cli.invocation import UP, ConfigOption, DataOption, load_beside
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from workers.cli.overview import Kafka, Overview, Provider, State, Worker

GOOD: Final = "green"
BAD: Final = "bold red"
# What of a worker's figures is shown, where it has them.
FIGURES: Final = ("kafka", "store", "door", "in_flight", "lag", "paused", "carriers")

app = typer.Typer()


@app.command()
def status(
    ctx: typer.Context, data: DataOption = None, config: ConfigOption = None, json_to: JsonOption = None
) -> None:
    """Show how everything is.

    Topics with their records, consumer groups with their lag, workers, providers with their shares, the state store.
    Exit code 0 when everything answers and is ready.
    """
    beside = load_beside(ctx, config, data)
    from workers.cli.overview import look

    overview = asyncio.run(look(beside.settings, beside.running.urls if beside.running else {}))
    _show(overview, (data or UP) if beside.running else None)
    write_json(json_to, {"well": overview.well, **asdict(overview)})
    raise typer.Exit(0 if overview.well else 1)


def _show(overview: "Overview", folder: Path | None) -> None:
    out = console()
    where = f"the system of `ithaca up` in {folder}" if folder else "what the settings name; no `ithaca up` runs here"
    out.print(where, style="dim")
    for part in (
        *_kafka(overview.kafka),
        _state(overview.state),
        _workers(overview.workers),
        _providers(overview.providers),
    ):
        out.print()
        out.print(part)


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False)


def _kafka(kafka: "Kafka") -> list[Any]:
    if kafka.fault:
        return [Text(kafka.fault, style=BAD)]
    topics = _table("topic", "partitions", "records")
    for topic in kafka.topics:
        topics.add_row(topic.name, str(topic.partitions), str(topic.records))
    for name in kafka.missing:
        topics.add_row(name, "", "missing: `ithaca topics` creates it", style=BAD)
    groups = _table("group", "state", "members", "lag")
    for group in kafka.groups:
        groups.add_row(group.name, group.state, str(group.members), str(group.lag))
    if not kafka.groups:
        groups.add_row("none yet")
    return [Text.assemble("Kafka ", kafka.bootstrap, ("  answers", GOOD)), topics, groups]


def _state(state: "State") -> Text:
    word = ("answers", GOOD) if state.answers else ("does not answer", BAD)
    keeps = state.durable and StoreFault.EVICTS not in state.faults
    kept = ", keeps every write across a crash" if keeps else ""
    says = [(f"\n  {WORDS[fault]}", BAD) for fault in state.faults]
    return Text.assemble("state store ", state.url, "  ", word, kept, *says)


def _workers(workers: "list[Worker]") -> Table:
    table = _table("worker", "", "address", "says")
    for worker in workers:
        word = Text("ready", GOOD) if worker.ready else Text("not ready" if worker.figures else "no answer", BAD)
        says = ", ".join(f"{name} {_short(worker.figures[name])}" for name in FIGURES if name in worker.figures)
        table.add_row(worker.name, word, worker.url, says)
    if not workers:
        table.add_row("none whose address is known: the settings leave their ports free")
    return table


def _providers(providers: "list[Provider]") -> Table:
    table = _table("provider", "adapter", "shares", "breakers")
    for provider in providers:
        shares = ", ".join(f"{country} {share:g} %" for country, share in provider.shares.items())
        broken = "; ".join(f"{worker}: {_short(scopes)}" for worker, scopes in provider.breakers.items())
        table.add_row(provider.name, provider.adapter, shares or "no route", Text(broken, BAD if broken else ""))
    return table


def _short(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)

"""`ithaca topics`."""

import asyncio
from typing import Annotated

import orjson
import typer
from rich.table import Table

from pipeline.records.topics import TOPICS
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, write_json, write_text

app = typer.Typer()


@app.command()
def topics(
    ctx: typer.Context,
    asyncapi: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Only write the AsyncAPI document of what callers write and read; '-' for standard output.",
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Create missing topics, check and list all."""
    if asyncapi is not None:
        from pipeline.records.asyncapi import document

        text = orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
        write_text("--asyncapi", asyncapi, text)
        write_json(json_to, {"asyncapi": asyncapi})
        return
    settings = load_beside(ctx, config, data).settings
    from workers.kafka import create_topics

    with naming_kafka(settings):
        created = asyncio.run(create_topics(settings.kafka))
    prefix = settings.kafka.prefix
    table = Table("topic", "key", "kept", "", "purpose", box=None, pad_edge=False)
    for topic in TOPICS:
        kept = "for ever" if topic.retention is None else f"{topic.retention.total_seconds() / 3600:g} h"
        new = "created" if topic.name in created else "there"
        table.add_row(prefix + topic.name, topic.key, kept, new, topic.purpose)
    console().print(table)
    names = [prefix + topic.name for topic in TOPICS]
    write_json(json_to, {"topics": names, "created": [prefix + name for name in created]})

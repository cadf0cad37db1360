"""`ithaca settings`."""

from typing import Annotated

import typer
from rich.table import Table

from pipeline.message.text_costs import avoidable_segments
from pipeline.settings.problems import dotted
from pipeline.settings.show import config_hash, redacted
from workers.cli.invocation import ConfigOption, DataOption, load_beside
from workers.cli.output import JsonOption, console, write_json, write_text

app = typer.Typer()


@app.command()
def settings(
    ctx: typer.Context,
    reference: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Only write what can be set, as Markdown; '-' for standard output."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Check the settings and show where each comes from.

    Secrets show as the reference that they were given as. Texts that cost more segments than they need are named.
    """
    if reference is not None:
        from workers.cli import reference as made

        write_text("--reference", reference, made.reference())
        write_json(json_to, {"reference": reference})
        return
    chosen = load_beside(ctx, config, data).settings
    shown = redacted(chosen)
    table = Table("setting", "value", "source", box=None, pad_edge=False)
    for one in shown:
        value = ", ".join(one.value) if isinstance(one.value, tuple) else one.value
        table.add_row(one.key, "" if value is None else str(value), one.origin, style=_style(one.origin))
    console().print(table)
    warnings = {dotted(costly.path): str(costly) for costly in avoidable_segments(chosen)}
    for key, text in warnings.items():
        typer.echo(f"warning: {key} {text}", err=True)
    document = {one.key: {"value": one.value, "source": one.origin} for one in shown}
    write_json(json_to, {"config": config_hash(chosen), "settings": document, "warnings": warnings})


def _style(origin: str) -> str:
    return "dim" if origin == "default" else ""

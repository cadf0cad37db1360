"""`ithaca verify`: enter a code, as a person does."""

import asyncio
from typing import Annotated
from urllib.parse import quote

import typer

from workers.cli.callers import CallerOption
from workers.cli.invocation import ConfigOption, DataOption, load_beside
from workers.cli.output import JsonOption, console, write_json

app = typer.Typer()


@app.command()
def verify(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="As `ithaca send` showed it.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="As the message shows it.")],
    caller: CallerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Enter a code.

    Exit code 0 when it is right, 1 when it is not: wrong, used, expired, or of no request of this caller. The answer
    is the same for all of these.
    """
    beside = load_beside(ctx, config, data)
    from workers.cli.api import api_of

    api = api_of(beside.settings, caller)
    answer = asyncio.run(api.post(f"/v1/otp/{quote(request_id, safe='')}/verify", {"code": code}))
    right = answer.document.get("verified") is True
    verdict = "right" if right else "not right: wrong, used, expired, or of no request of this caller"
    console().print(verdict, style="bold green" if right else "bold red")
    write_json(json_to, {"request_id": request_id, "verified": right})
    raise typer.Exit(0 if right else 1)

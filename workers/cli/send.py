"""`ithaca send`: ask for a code over the HTTP API, as an auth service does."""

import asyncio
import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipeline.settings import Settings
from workers.cli.callers import CallerOption
from workers.cli.invocation import ConfigOption, DataOption, load_beside
from workers.cli.output import JsonOption, console, program, write_json

if TYPE_CHECKING:
    from workers.cli.api import Api

LOOK_EVERY_S: Final = 0.25
SIMULATED: Final = "carrier"  # the adapter of the simulated carriers

app = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a message arrived."""

    provider: str
    text: str | None = None  # what the handset shows, where it is a simulated one


@app.command()
def send(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164, such as +447700900123.")],
    *,
    purpose: Annotated[str, typer.Option(metavar="WORD", help="What the code is for.")] = "login",
    locale: Annotated[str, typer.Option(metavar="TAG", help="Language of the message, such as en or pt-BR.")] = "en",
    ttl: Annotated[
        int | None, typer.Option(metavar="S", min=1, max=600, help="Life of the code in seconds. Left out: otp.ttl_s.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the message has arrived, and show how.")] = False,
    caller: CallerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Ask for a code to a phone.

    Exit code 0 when Kafka has the request; with --wait when the message has arrived.
    """
    beside = load_beside(ctx, config, data)
    from workers.cli.api import api_of

    api = api_of(beside.settings, caller)
    wanted = {"to": number, "purpose": purpose, "locale": locale, "ttl_s": ttl}
    body = {name: value for name, value in wanted.items() if value is not None}
    accepted = asyncio.run(api.post("/v1/otp", body)).document
    _show(accepted, _options(caller, data, config))
    if wait:
        with console().status("waiting for the message"):
            arrival = asyncio.run(_arrival(api, beside.settings, number, accepted))
        _show_arrival(arrival)
        write_json(json_to, accepted | {"caller": api.caller, "arrived": asdict(arrival) if arrival else None})
        raise typer.Exit(0 if arrival else 1)
    _show_handsets(beside.settings, number)
    write_json(json_to, accepted | {"caller": api.caller})


def _options(caller: str | None, data: Path | None, config: Path | None) -> str:
    """Give what the next command has to repeat of this one's options."""
    given = {"--caller": caller, "--data": data, "--config": config}
    return "".join(f" {name} {shlex.quote(str(value))}" for name, value in given.items() if value)


def _show(accepted: dict[str, Any], options: str) -> None:
    out = console()
    expires_at = datetime.fromisoformat(accepted["expires_at"])
    left_s = (expires_at - datetime.now(UTC)).total_seconds()
    out.print("accepted: Kafka has the request")
    out.print(f"request   {accepted['request_id']}")
    out.print(f"expires   {expires_at:%H:%M:%S} UTC, in {left_s:.0f} s")
    out.print(f"verify    {program()} verify {shlex.quote(accepted['request_id'])} CODE{options}", soft_wrap=True)


def _show_handsets(settings: Settings, number: str) -> None:
    carriers = [provider.base_url for provider in settings.providers.values() if provider.adapter == SIMULATED]
    for place, base_url in enumerate(carriers):
        title = "or        " if place else "read      "
        console().print(f"{title}curl -s {_inbox(base_url, number)}", soft_wrap=True)
    if carriers:
        console().print("          (one of these simulated carriers will have it; with --wait it is shown here)")


def _inbox(base_url: str, number: str) -> str:
    return f"{base_url}/handsets/{number}"


async def _arrival(api: "Api", settings: Settings, number: str, accepted: dict[str, Any]) -> Arrival | None:
    """Follow a request until its message has arrived, or its life is over."""
    expires_at = datetime.fromisoformat(accepted["expires_at"])
    while datetime.now(UTC) < expires_at:
        answer = await api.get(f"/v1/otp/{accepted['request_id']}")
        for attempt in answer.document["attempts"] if answer else ():
            if arrival := await _arrived(settings, number, accepted["request_id"], attempt):
                return arrival
        await asyncio.sleep(LOOK_EVERY_S)
    return None


async def _arrived(settings: Settings, number: str, request_id: str, attempt: dict[str, Any]) -> Arrival | None:
    """Look whether this attempt's message is on its handset; where it is a real one, ask its receipt."""
    from workers.cli.http import ask

    name = attempt["provider"]
    provider = settings.providers.get(name)
    if provider is None or provider.adapter != SIMULATED:
        return Arrival(provider=name) if attempt["receipt"] == "DELIVERED" else None
    inbox = await ask(_inbox(provider.base_url, number))
    texts = (
        message["text"]
        for message in inbox.document.get("messages", ())
        if message["client_reference"].rpartition(".")[0] == request_id
    )
    text = next(texts, None)
    return Arrival(provider=name, text=text) if text else None


def _show_arrival(arrival: Arrival | None) -> None:
    out = console()
    if arrival is None:
        out.print(
            f"the message has not arrived within the code's life; `{program()} dead-letters list` and "
            f"`{program()} status` may tell why",
            style="bold red",
        )
        return
    out.print(f"arrived   through {arrival.provider}", style="bold green")
    if arrival.text:
        out.print(f"\n{arrival.text}\n", markup=False)

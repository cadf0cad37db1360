"""`ithaca dead-letters list`: what could not be sent, and why."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from msgspec import structs
from rich.text import Text

from pipeline.errors import DeadReason, InvalidMessage
from pipeline.records import DeadLetter, decode
from pipeline.settings import KafkaSettings
from pipeline.settings.problems import meant
from pipeline.topics import DEAD
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, write_json

LIMIT: Final = 20

Wanted = Callable[[DeadLetter], bool]

app = typer.Typer()
dead_letters = typer.Typer(name="dead-letters", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dead_letters)


@dead_letters.callback()
def group() -> None:
    """Look at what could not be sent, and why."""


def known(reason: str | None) -> str | None:
    """Let a reason of the closed list pass."""
    if reason is not None and reason not in set(DeadReason):
        raise typer.BadParameter(f"No such reason '{reason}'; {meant(reason, list(DeadReason))}")
    return reason


@dead_letters.command(name="list")
def list_(
    ctx: typer.Context,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", callback=known, help=f"Only of {', '.join(DeadReason)}.")
    ] = None,
    caller: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this caller.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = LIMIT,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """List dead letters, newest first. They hold neither codes nor numbers; Kafka keeps them for a day."""
    settings = load_beside(ctx, config, data).settings

    def wanted(letter: DeadLetter) -> bool:
        return reason in {None, letter.reason} and caller in {None, letter.caller}

    with naming_kafka(settings):
        found = asyncio.run(_read(settings.kafka, wanted))
    shown = sorted(found, key=lambda letter: letter.at, reverse=True)[:limit]
    _show(shown, found=len(found))
    write_json(json_to, {"found": len(found), "dead_letters": [_public(letter) for letter in shown]})


async def _read(kafka: KafkaSettings, wanted: Wanted) -> list[DeadLetter]:
    """Read what is wanted of the topic. What is no dead letter there is not ours."""
    from workers.kafka import KafkaAdmin

    letters = []
    async with KafkaAdmin(kafka) as admin:
        async for record in admin.read(DEAD.name):
            try:
                letter = decode(DeadLetter, record.value)
            except InvalidMessage:
                continue
            if wanted(letter):
                letters.append(letter)
    return letters


def _show(letters: list[DeadLetter], *, found: int) -> None:
    out = console()
    if not letters:
        out.print("no dead letters")
        return
    for letter in letters:
        who = [word for word in (letter.request_id, letter.caller, letter.country) if word]
        out.print(
            Text.assemble(f"{letter.at:%Y-%m-%d %H:%M:%S}  ", (letter.reason, "bold"), *(f"  {word}" for word in who))
        )
        out.print(Text(f"  {letter.detail}; from {_place(letter)}"), soft_wrap=True)
        for attempt in letter.attempts:
            out.print(
                Text(f"  attempt {attempt.number} through {attempt.provider}: {attempt.outcome} {attempt.code or ''}")
            )
    if found > len(letters):
        out.print(f"{len(letters)} of {found}, the newest; --limit shows more")


def _place(letter: DeadLetter) -> str:
    return f"{letter.origin.topic}/{letter.origin.partition}/{letter.origin.offset}"


def _public(letter: DeadLetter) -> dict[str, Any]:
    """Give what may be shown: nothing sealed, and no hash of a number."""
    return {
        "at": letter.at,
        "reason": letter.reason,
        "detail": letter.detail,
        "request_id": letter.request_id,
        "caller": letter.caller,
        "country": letter.country,
        "origin": structs.asdict(letter.origin),
        "size": letter.size,
        "attempts": [
            {
                "number": attempt.number,
                "provider": attempt.provider,
                "outcome": attempt.outcome,
                "code": attempt.code,  # the provider's error code
                "sent_at": attempt.sent_at,
            }
            for attempt in letter.attempts
        ],
    }

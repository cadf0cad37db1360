"""The commands: list, show, redrive, purge."""

import asyncio
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pipeline.dead_letters.letters import LetterFilter, public
from pipeline.dead_letters.redrive import in_words
from pipeline.errors import DeadReason, PipelineError
from pipeline.records import LetterState
from workers.cli.dead_letters.options import (
    BY_HAND,
    AuthorOption,
    CallerOption,
    CountryOption,
    DryOption,
    LimitOption,
    NewerOption,
    OlderOption,
    OneArgument,
    ProviderOption,
    ReasonOption,
)
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, write_json

if TYPE_CHECKING:
    from workers.operator_actions.purge import Purged

SHOWN: Final = 20  # letters of a list, without --limit

app = typer.Typer()
dead_letters = typer.Typer(name="dead-letters", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dead_letters)


@dead_letters.callback()
def group() -> None:
    """Look at what could not be sent, and why; send it again, or put it out of the way."""


@dead_letters.command(name="list")
def list_(
    ctx: typer.Context,
    reason: ReasonOption = None,
    provider: ProviderOption = None,
    country: CountryOption = None,
    caller: CallerOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    limit: LimitOption = SHOWN,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were redriven, ended as expired, or purged.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """List open dead letters, newest first. They hold neither codes nor numbers; Kafka keeps them for a day."""
    settings = load_beside(ctx, config, data).settings
    wanted = _wanted(reason, provider, country, caller, older_than, newer_than)
    from workers.cli.dead_letters.words import show_list
    from workers.operator_actions.dead_letters import read

    with naming_kafka(settings):
        queue = asyncio.run(read(settings.kafka))
    found = [letter for letter in queue.find(wanted) if everything or letter.state is LetterState.OPEN]
    reasons = dict(Counter(letter.dead.reason.value for letter in found).most_common())
    shown = found[:limit]
    show_list(shown, reasons, broken=queue.broken)
    letters = [public(letter) for letter in shown]
    write_json(json_to, {"found": len(found), "reasons": reasons, "broken": queue.broken, "dead_letters": letters})


@dead_letters.command()
def show(
    ctx: typer.Context,
    ref: Annotated[
        str,
        typer.Argument(metavar="REF", help="A request id, or topic/partition/offset of the letter or of its record."),
    ],
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Show one dead letter with its attempts, and what a redrive would do. Nothing sealed is shown."""
    settings = load_beside(ctx, config, data).settings
    from workers.cli.dead_letters.words import show_letter
    from workers.operator_actions.dead_letters import read
    from workers.operator_actions.redrive import decision_on

    with naming_kafka(settings):
        queue = asyncio.run(read(settings.kafka))
    found = queue.find(LetterFilter(name=ref))
    if not found:
        raise PipelineError(f"no dead letter of {ref}; `ithaca dead-letters list --all` names those that there are")
    decision = decision_on(settings, found[0], queue.now)
    show_letter(found[0], decision, others=len(found) - 1)
    write_json(json_to, public(found[0]) | {"redrive": in_words(decision), "others": len(found) - 1})


@dead_letters.command()
def redrive(
    ctx: typer.Context,
    ref: OneArgument = None,
    reason: ReasonOption = None,
    provider: ProviderOption = None,
    country: CountryOption = None,
    caller: CallerOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    limit: LimitOption = None,
    *,
    dry_run: DryOption = False,
    author: AuthorOption = BY_HAND,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Open a new attempt for requests that still live, after what was wrong has been mended.

    Those whose code's life is over end as expired: nothing is sent, and their callers can read so.
    Cut off and run again it sends nothing twice.
    """
    settings = load_beside(ctx, config, data).settings
    wanted = _wanted(reason, provider, country, caller, older_than, newer_than, ref)
    from workers.cli.dead_letters.words import show_redriven
    from workers.operator_actions.redrive import redrive as redrive_now

    with naming_kafka(settings):
        done = asyncio.run(redrive_now(settings, wanted, author=author, dry=dry_run, limit=limit))
    show_redriven(done)
    write_json(json_to, done.document())


@dead_letters.command()
def purge(
    ctx: typer.Context,
    ref: OneArgument = None,
    reason: ReasonOption = None,
    provider: ProviderOption = None,
    country: CountryOption = None,
    caller: CallerOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    limit: LimitOption = None,
    *,
    dry_run: DryOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    author: AuthorOption = BY_HAND,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Put dead letters out of the way: no list shows them any more, and no redrive sends them.

    Their records stay on the topic, sealed, until they are a day old: Kafka cannot take single ones away.
    """
    settings = load_beside(ctx, config, data).settings
    wanted = _wanted(reason, provider, country, caller, older_than, newer_than, ref)
    from workers.cli.dead_letters.words import show_purged
    from workers.operator_actions.dead_letters import read
    from workers.operator_actions.purge import purge as purge_now

    def purged(*, dry: bool) -> "Purged":
        return asyncio.run(purge_now(settings, wanted, author=author, dry=dry, limit=limit, queue=queue))

    with naming_kafka(settings):
        queue = asyncio.run(read(settings.kafka))
        done = purged(dry=dry_run or not yes)
        show_purged(done)
        if done.reasons and not (dry_run or yes):
            _confirm()
            done = purged(dry=False)
            show_purged(done)
    write_json(json_to, done.document() | {"dry_run": dry_run})


def _confirm() -> None:
    """Ask, where somebody can answer; nothing has been done yet."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("a purge has to be confirmed; nothing was done", param_hint="--yes")
    typer.confirm("Purge them?", abort=True)


def _wanted(
    reason: DeadReason | None,
    provider: str | None,
    country: str | None,
    caller: str | None,
    older_than: timedelta | None,
    newer_than: timedelta | None,
    name: str | None = None,
) -> LetterFilter:
    return LetterFilter(
        reason=reason,
        provider=provider,
        country=country,
        caller=caller,
        older_than=older_than,
        newer_than=newer_than,
        name=name,
    )

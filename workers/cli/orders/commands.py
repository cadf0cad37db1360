"""The commands: pin, ban, drain, hold, probe, resume-partition, list, withdraw."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import to_builtins

from pipeline.errors import PipelineError
from pipeline.orders import Refused
from pipeline.records import OrderKind
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.orders.options import (
    AuthorOption,
    CountryOption,
    DryOption,
    ForceOption,
    LastsOption,
    ProviderArgument,
    ReasonOption,
    author_of,
)
from workers.cli.output import JsonOption, console, write_json

PROBE_LASTS: Final = "2m"
RESUME_LASTS: Final = "10m"
# Where the value of a field comes from on the command line.
OPTIONS: Final = {"for": "--for", "expires_at": "--for", "provider": "PROVIDER", "partition": "TOPIC/PARTITION"}

app = typer.Typer()
orders = typer.Typer(name="orders", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(orders)


class NotGiven(PipelineError):
    """An order was refused for what would be left by it. The text says what, and what to do."""


@orders.callback()
def group() -> None:
    """Overrule the routing: every order has a reason and an end, and can be withdrawn."""


@orders.command()
def pin(
    ctx: typer.Context,
    provider: ProviderArgument,
    *,
    country: CountryOption,
    reason: ReasonOption,
    lasts: LastsOption,
    author: AuthorOption = None,
    force: ForceOption = False,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Send everything through one provider."""
    order = {"kind": OrderKind.PIN.value, "provider": provider, "country": country, "reason": reason, "for": lasts}
    _give(ctx, order | {"force": force}, author, dry_run, data, config, json_to)


@orders.command()
def ban(
    ctx: typer.Context,
    provider: ProviderArgument,
    *,
    country: CountryOption,
    reason: ReasonOption,
    lasts: LastsOption,
    author: AuthorOption = None,
    force: ForceOption = False,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Send nothing through a provider."""
    order = {"kind": OrderKind.BAN.value, "provider": provider, "country": country, "reason": reason, "for": lasts}
    _give(ctx, order | {"force": force}, author, dry_run, data, config, json_to)


@orders.command()
def drain(
    ctx: typer.Context,
    provider: ProviderArgument,
    *,
    country: CountryOption,
    reason: ReasonOption,
    lasts: LastsOption,
    author: AuthorOption = None,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Take a provider's share away: it gets what no other one is left for."""
    order = {"kind": OrderKind.DRAIN.value, "provider": provider, "country": country, "reason": reason, "for": lasts}
    _give(ctx, order, author, dry_run, data, config, json_to)


@orders.command()
def hold(
    ctx: typer.Context,
    *,
    country: CountryOption,
    reason: ReasonOption,
    lasts: LastsOption,
    author: AuthorOption = None,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Pause automation: the shares stay as they are, until this is withdrawn or over."""
    order = {"kind": OrderKind.HOLD.value, "country": country, "reason": reason, "for": lasts}
    _give(ctx, order, author, dry_run, data, config, json_to)


@orders.command()
def probe(
    ctx: typer.Context,
    provider: ProviderArgument,
    *,
    country: CountryOption,
    reason: ReasonOption,
    lasts: LastsOption = PROBE_LASTS,
    author: AuthorOption = None,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Give a provider 5 % of the traffic for a while, even though it is broken or waits. It costs real messages."""
    order = {"kind": OrderKind.PROBE.value, "provider": provider, "country": country, "reason": reason, "for": lasts}
    _give(ctx, order, author, dry_run, data, config, json_to)


@orders.command(name="resume-partition")
def resume_partition(
    ctx: typer.Context,
    partition: Annotated[str, typer.Argument(metavar="TOPIC/PARTITION", help="As `ithaca status` shows it.")],
    *,
    reason: ReasonOption,
    lasts: LastsOption = RESUME_LASTS,
    author: AuthorOption = None,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Go on with a partition that a flood of our own faults has paused. Another flood pauses it again."""
    order = {"kind": OrderKind.RESUME.value, "partition": partition, "reason": reason, "for": lasts}
    _give(ctx, order, author, dry_run, data, config, json_to)


@orders.command(name="list")
def list_(
    ctx: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over and not swept yet.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """List the orders in force, oldest first."""
    settings = load_beside(ctx, config, data).settings
    from workers.cli.orders.words import show_orders
    from workers.operator_actions.orders import read

    with naming_kafka(settings):
        control = asyncio.run(read(settings.kafka))
    found = sorted(control.orders.values(), key=lambda order: order.at)
    shown = [order for order in found if everything or order.expires_at > control.now]
    show_orders(shown, control)
    write_json(json_to, {"orders": to_builtins(shown), "broken": control.broken})


@orders.command()
def withdraw(
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER", help="As `ithaca orders list` shows it.")],
    *,
    dry_run: DryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Take an order back: automation decides again."""
    settings = load_beside(ctx, config, data).settings
    from workers.cli.orders.words import refused_document, what
    from workers.operator_actions import orders as topic

    with naming_kafka(settings):
        order = asyncio.run(topic.withdraw(settings, order_id, dry=dry_run))
    if isinstance(order, Refused):
        write_json(json_to, {"withdrawn": False} | refused_document(order))
        raise typer.BadParameter(f"it {order.text}", param_hint="ORDER")
    console().print(f"{'would be withdrawn' if dry_run else 'withdrawn'}: {what(order)}", markup=False)
    write_json(json_to, {"withdrawn": not dry_run, "dry_run": dry_run, "order": to_builtins(order)})


def _give(
    ctx: typer.Context,
    order: Mapping[str, object],
    author: str | None,
    dry: bool,  # noqa: FBT001
    data: Path | None,
    config: Path | None,
    json_to: str | None,
) -> None:
    settings = load_beside(ctx, config, data).settings
    from workers.cli.orders.words import given_document, refused_document, show_given
    from workers.operator_actions.orders import give

    with naming_kafka(settings):
        given = asyncio.run(give(settings, order, author=author_of(ctx, author), dry=dry))
    if isinstance(given, Refused):
        write_json(json_to, refused_document(given))
        raise _refusal(given)
    show_given(given, dry=dry)
    write_json(json_to, given_document(given, dry=dry))


def _refusal(refused: Refused) -> Exception:
    if refused.forcible:
        return NotGiven(f"nothing was ordered: the {refused.field} {refused.text} (--force)")
    option = OPTIONS.get(refused.field, f"--{refused.field}")
    return typer.BadParameter(f"it {refused.text}", param_hint=option)

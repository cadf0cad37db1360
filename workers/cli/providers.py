"""`ithaca providers`: which adapters there are, whether accounts work, and one real message."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from pipeline.errors import Misconfigured, ProviderError, Refused, RouteRefused, SettingsError, Throttled
from pipeline.settings import Settings
from pipeline.settings.needs import Needs
from pipeline.settings.problems import meant
from workers.cli.invocation import ConfigOption, DataOption, load_beside, naming_kafka
from workers.cli.output import JsonOption, console, write_json

if TYPE_CHECKING:
    from providers.seam import Finding, Sms
    from workers.cli.trial import Step

GOOD: Final = "green"
BAD: Final = "bold red"
WAIT_S: Final = 60.0
# What an operator does about it; the most specific class counts.
REMEDIES: Final[Mapping[type[ProviderError], str]] = {
    RouteRefused: "register this sender with the provider, or write another in senders",
    Misconfigured: "look at credential, options and funds: the provider refuses this account",
    Throttled: "ask again later; the account works",
    Refused: "look the word up in the provider's pages: it is none that is known here",
    ProviderError: "look whether base_url is right, the provider is up, and HTTPS_PROXY is what leads there",
}

app = typer.Typer()
providers = typer.Typer(name="providers", invoke_without_command=True, rich_markup_mode=None)
app.add_typer(providers)


@providers.callback()
def group(ctx: typer.Context) -> None:
    """List adapters, prove accounts, try one message."""
    if ctx.invoked_subcommand is None:
        list_()


@providers.command(name="list")
def list_(json_to: JsonOption = None) -> None:
    """List the adapters, with what each needs and can do."""
    from providers import ADAPTERS

    columns = ("adapter", "settings", "validity", "receipts", "proof of a receipt", "check", "rotation")
    table = Table(*columns, box=None, padding=(0, 1, 1, 0))
    for name, adapter in ADAPTERS.items():
        needs, can = adapter.needs, adapter.capabilities
        table.add_row(name, "\n".join(_settings(needs)), can.validity, can.receipts, can.proof, can.check, can.rotation)
    console().print(table, markup=False)
    documents = {name: {"needs": asdict(one.needs), **asdict(one.capabilities)} for name, one in ADAPTERS.items()}
    write_json(json_to, {"adapters": documents})


def _settings(needs: Needs) -> list[str]:
    """Name what an account needs beside its credential; what may be left out stands in brackets."""
    keys = ["webhook_keys"] if needs.webhook_keys else ["[webhook_keys]"] if needs.optional_webhook_keys else []
    senders = ["senders" if needs.sender.required else "[senders]", *(["[pools]"] if needs.sender.pool else [])]
    address = ["base_url"] if needs.base_url else []
    return [*address, *keys, *senders, *needs.required, *(f"[{option}]" for option in needs.optional)]


@providers.command()
def check(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="As in the settings; else all of them.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Ask the providers whether messages could be sent: credential, sender, funds. Nothing is sent.

    Exit code 0 when nothing is wrong.
    """
    settings = load_beside(ctx, config, data).settings
    found = asyncio.run(_check(settings, [name_of(settings, name)] if name else list(settings.providers)))
    well = not any(finding.error for findings in found.values() for finding in findings)
    _show(found)
    rows = [_row(provider, finding) for provider, findings in found.items() for finding in findings]
    write_json(json_to, {"well": well, "findings": rows})
    raise typer.Exit(0 if well else 1)


@providers.command(name="test")
def try_out(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in the settings.")],
    *,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="A phone of yours, in E.164.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the exact request instead of sending it.")] = False,
    wait: Annotated[float, typer.Option(metavar="S", min=0, help="How long to wait for the receipt.")] = WAIT_S,
    data: DataOption = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Send one real message and wait for its receipt, showing each step. It costs what a message costs.

    The receipt comes by way of a running receipts process. Exit code 0 when the message was delivered.
    """
    settings = load_beside(ctx, config, data).settings
    from workers.cli import trial

    sms = trial.message(settings, name_of(settings, name), to)
    if dry_run:
        request = trial.shown(trial.request_of(settings, name, sms))
        for part in ("method", "url", "headers", "body"):
            console().print(f"{part:8}{request[part]}", markup=False, soft_wrap=True)
        write_json(json_to, request)
        return
    with naming_kafka(settings):
        seen = asyncio.run(_watch(settings, name, sms, wait))
    delivered = any(step.delivered for step in seen)
    if not delivered:
        console().print("not known to be delivered", style=BAD)
    write_json(json_to, {"delivered": delivered, "steps": [asdict(step) for step in seen]})
    raise typer.Exit(0 if delivered else 1)


async def _watch(settings: Settings, name: str, sms: "Sms", wait_s: float) -> "list[Step]":
    from workers.cli import trial

    seen = []
    async for step in trial.steps(settings, name, sms, wait_s):
        style = GOOD if step.good else BAD
        console().print(f"{step.after_s:7.3f} s  {step.what:9} {step.detail}", style=style, markup=False)
        seen.append(step)
    return seen


def name_of(settings: Settings, name: str) -> str:
    """Let the name of a provider in the settings pass. Raises SettingsError."""
    if name not in settings.providers:
        raise SettingsError(f"providers.{name} is not configured; {meant(name, sorted(settings.providers))}")
    return name


async def _check(settings: Settings, names: Iterable[str]) -> "Mapping[str, tuple[Finding, ...]]":
    from providers import provider_of

    asked = {name: provider_of(settings, name) for name in names}
    try:
        found = await asyncio.gather(*(one.check() for one in asked.values()))
    finally:
        await asyncio.gather(*(one.close() for one in asked.values()))
    return dict(zip(asked, found, strict=True))


def _show(found: "Mapping[str, tuple[Finding, ...]]") -> None:
    table = Table("provider", "what", "verdict", "what to do", box=None, pad_edge=False)
    for provider, findings in found.items():
        for finding in findings:
            style = BAD if finding.error else GOOD
            table.add_row(provider, finding.what, finding.detail, _remedy(finding), style=style)
    console().print(table, markup=False)


def _row(provider: str, finding: "Finding") -> dict[str, Any]:
    outcome = finding.error.outcome if finding.error else None
    what = {"provider": provider, "what": finding.what, "detail": finding.detail, "error": outcome}
    return {**what, "remedy": _remedy(finding) or None}


def _remedy(finding: "Finding") -> str:
    if finding.error is None:
        return ""
    return next(REMEDIES[kind] for kind in type(finding.error).__mro__ if kind in REMEDIES)

"""`ithaca run <worker>`: one process, from settings to exit code."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Annotated, Final

import typer

from pipeline.errors import PipelineError, SettingsError
from pipeline.settings import Settings
from pipeline.settings.problems import meant
from workers.cli.invocation import ConfigOption, load
from workers.cli.output import JsonOption, write_json
from workers.log import configure, get_log

# Name -> module and function, imported only when it is asked for.
WORKERS: Final = {
    "api": "workers.api:run",
    "dispatch": "workers.dispatch.process:run",
    "ops": "workers.ops:run",
    "receipts": "workers.receipts:run",
    "stats": "workers.stats.process:run",
}

Worker = Callable[[Settings, asyncio.Event], Awaitable[None]]

app = typer.Typer()
log = get_log("run")


def known(worker: str) -> str:
    """Let the name of a worker pass."""
    if worker not in WORKERS:
        raise typer.BadParameter(f"No such worker '{worker}'; {meant(worker, list(WORKERS))}")
    return worker


@app.command()
def run(
    ctx: typer.Context,
    worker: Annotated[str, typer.Argument(metavar="WORKER", callback=known, help=f"One of {', '.join(WORKERS)}.")],
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Run one worker until Ctrl-C or SIGTERM.

    A second signal ends it at once. Logs are JSON lines on standard output.
    Exit code 0: stopped politely; 1: failed; 2: wrong settings.
    """
    settings = load(ctx, config)
    configure(worker, settings.log_level)
    started = time.monotonic()
    exit_code = work(WORKERS[worker], settings)
    seconds = round(time.monotonic() - started, 3)
    write_json(json_to, {"worker": worker, "exit_code": exit_code, "seconds": seconds})
    raise typer.Exit(exit_code)


def work(place: str, settings: Settings) -> int:
    """Run `module:function` to its end and give the exit code. Raises SettingsError."""
    module, _, function = place.partition(":")
    try:
        worker: Worker = getattr(import_module(module), function)
        told = asyncio.run(_until_told(worker, settings))
    except SettingsError:
        raise
    except PipelineError as error:
        log.exception("worker.failed")
        typer.echo(f"error: {error}", err=True)  # the texts of our own errors hold neither codes nor numbers
        return 1
    except Exception:
        log.exception("worker.failed")
        return 1
    if not told:
        log.error("worker.ended", reason="not_asked_to")
    return 0 if told else 1


async def _until_told(worker: Worker, settings: Settings) -> bool:
    """Run a worker and tell whether a signal asked for its end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _on_signal, number, stop)
    log.info("worker.started", pid=os.getpid())
    await worker(settings, stop)
    log.info("worker.stopped")
    return stop.is_set()


def _on_signal(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        log.warning("worker.cut_short", signal=number.name)
        os._exit(1)
    log.info("worker.stopping", signal=number.name)
    stop.set()

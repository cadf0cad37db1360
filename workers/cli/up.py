"""`ithaca up`: the whole system on this machine until Ctrl-C."""

import asyncio
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, cast

import typer

from pipeline.settings import Settings
from workers.cli.callers import page_of
from workers.cli.invocation import UP, ConfigOption, invocation
from workers.cli.output import JsonOption, console, program, write_json

if TYPE_CHECKING:
    from workers.embedded.supervisor import ProcessStatus
    from workers.embedded.system import System

CACHE: Final = Path(".cache/jars")  # of Kafka's jars, 44 MB, fetched once
RUNBOOK: Final = "docs/how-to/runbooks/ProcessRestarting.md"
STARTING: Final = "starting Kafka, Valkey, carriers and our own processes"

Port = Annotated[
    int | None, typer.Option(metavar="PORT", min=1, max=65535, help="Left out: a free one, the same as last time.")
]
ServerPort = Annotated[
    int | None,
    typer.Option(
        metavar="PORT", min=1, max=65535, help="Left out: that of the settings, else a free one, as last time."
    ),
]

app = typer.Typer()


@app.command()
def up(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder of all data and logs; a later `up` goes on with it.")
    ] = UP,
    brokers: Annotated[int, typer.Option(metavar="1|3", help="3 is a real cluster.")] = 1,
    dispatchers: Annotated[int, typer.Option(metavar="N", min=1, max=16, help="Dispatcher processes.")] = 2,
    kafka_port: Port = None,
    valkey_port: Port = None,
    api_port: ServerPort = None,
    receipts_port: ServerPort = None,
    carrier_port: Port = None,
    ops_port: ServerPort = None,
    config: ConfigOption = None,
    json_to: JsonOption = None,
) -> None:
    """Run the whole system until Ctrl-C.

    Starts real Kafka, real Valkey, three simulated carriers, the API, dispatchers, receipts, statistics and the
    operators' page, and keeps them running. Ctrl-C stops everything in order; the data stay. The JSON is written when
    all is ready.
    """
    if brokers not in (1, 3):
        raise typer.BadParameter("either 1 or 3", param_hint="--brokers")
    called = invocation(ctx, config)
    settings = called.settings()
    wanted = {
        "kafka": kafka_port,
        "valkey": valkey_port,
        "api": api_port or settings.api.port,
        "receipts": receipts_port or settings.receipts.port,
        "carrier": carrier_port,
        "ops": ops_port or settings.ops.port,
    }
    display = _Display()
    system = _system(data, settings, called.environ_of_processes(), brokers, dispatchers, wanted, display)

    def ready() -> None:
        _show(system, "" if data == UP else f" --data {shlex.quote(str(data))}")
        write_json(json_to, {"urls": system.urls, "kafka": system.kafka.bootstrap, "valkey": system.valkey.url})

    asyncio.run(_until_stopped(system, display, ready))


class _Display:
    """Says what is happening while it takes time, and what ended by itself."""

    def __init__(self) -> None:
        self._console = console()
        self._line = self._console.status(STARTING)

    def __enter__(self) -> Self:
        self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.stop()

    def ready(self) -> None:
        """Nothing takes time any more."""
        self._line.stop()

    def fetched(self, done: int, total: int) -> None:
        """Kafka's jars are fetched on a machine's first run."""
        self._line.update(STARTING if done == total else f"fetching Kafka, this once: {done} of {total} jars")

    def changed(self, status: "ProcessStatus") -> None:
        """Tell of a process that ended by itself, or that all are being stopped."""
        from workers.embedded.endings import LOOP
        from workers.embedded.supervisor import State

        if status.state is State.WAITING:
            text = f"{status.name} ended by itself ({status.restarts} times so far) and is started again; {status.why}"
            self._console.print(text, style="yellow", soft_wrap=True, markup=False)
            if status.alike == LOOP:
                again = f"{status.name} has ended {LOOP} times in a row for this reason: {RUNBOOK} says what to do"
                self._console.print(again, style="bold red", soft_wrap=True)
        elif status.state is State.STOPPED:
            self._line.update("stopping everything in order; Ctrl-C again kills what is left")
            self._line.start()


def _system(
    data: Path,
    settings: Settings,
    environ: Mapping[str, str],
    brokers: int,
    dispatchers: int,
    ports: Mapping[str, int | None],
    display: _Display,
) -> "System":
    from workers.embedded.system import Shape, System

    fixed = {name: port for name, port in ports.items() if port}
    return System(
        data,
        cache=CACHE,
        settings=settings,
        environ=environ,
        shape=Shape(brokers=cast("Literal[1, 3]", brokers), dispatchers=dispatchers, ports=fixed),
        on_change=display.changed,
        progress=display.fetched,
    )


async def _until_stopped(system: "System", display: _Display, ready: Callable[[], None]) -> None:
    from workers.embedded.errors import Interrupted

    try:
        with display:
            async with system.running():
                display.ready()
                ready()
                await asyncio.Event().wait()
    except Interrupted as stopped:
        # Not on standard output, whose last line may be the JSON.
        typer.echo(f"stopped ({stopped.signum.name}); the data stay in {system.folder}", err=True)


def _show(system: "System", option: str) -> None:
    out = console()
    out.print(f"Kafka     {system.kafka.bootstrap}")
    out.print(f"Valkey    {system.valkey.url}")
    for name, title in (("api", "API"), ("receipts", "receipts"), ("carrier", "carriers")):
        out.print(f"{title:<9} {system.urls[name]}")
    out.print(f"ops page  {page_of(system.settings, system.urls['ops'])}")
    out.print(f"logs      {system.logs}", soft_wrap=True)
    out.print("\nin another terminal, ask for a code and see it arrive at a simulated handset:\n")
    out.print(f"  {program()} send +447700900123 --wait{option}", soft_wrap=True)
    out.print(f"  {program()} status{option}", soft_wrap=True)
    out.print("\nCtrl-C stops everything; the data stay.")

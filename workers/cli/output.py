"""How commands answer: tables for people, one JSON object for programs."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

_WIDTH_IN_PIPES: Final = 160


def _usable(target: str | None) -> str | None:
    """Refuse a place that cannot be written before anything is done, not after."""
    if target not in {None, "-"} and not os.access(Path(str(target)).parent, os.W_OK):
        raise typer.BadParameter(f"{target} cannot be written: its folder is not there, or not writable")
    return target


JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="PATH",
        callback=_usable,
        help="Write the result as JSON: '-' for standard output, the object on the last line.",
    ),
]


def console() -> Console:
    """Give the console for people; lines that go into a pipe are not broken at 80 characters."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_IN_PIPES, highlight=False)


def program() -> str:
    """Give the command `ithaca` as it was typed, for commands that are shown to be typed next."""
    return sys.argv[0] if Path(sys.argv[0]).name == "ithaca" else "python -m workers"


def write_json(target: str | None, document: Any) -> None:
    """Write the result where `--json` says, if it was given."""
    if target is None:
        return
    write_text("--json", target, orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE).decode())


def write_text(option: str, target: str, text: str) -> None:
    """Write to a file or, with '-', to standard output. Raises BadParameter for the option that named it."""
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        Path(target).write_text(text)
    except OSError as error:
        raise typer.BadParameter(f"{target} cannot be written ({error.strerror})", param_hint=option) from None

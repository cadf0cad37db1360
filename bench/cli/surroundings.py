"""Where what measures on a system of its own runs."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers.cli.invocation import Invocation

if TYPE_CHECKING:
    from bench.ground import Surroundings, Tell

CACHE: Final = Path(".cache/jars")


def surroundings(called: Invocation, folder: Path, tell: "Tell") -> "Surroundings":
    """Make the folder anew, and give it with the development settings: neither file nor variables change a figure."""
    from bench.ground import Surroundings
    from pipeline.settings.parse import parse

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environ = {name: value for name, value in called.environ.items() if not name.startswith("ITHACA_")}
    return Surroundings(folder=folder, cache=CACHE, settings=parse(), environ=environ, tell=tell)

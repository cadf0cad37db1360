"""For which caller a command speaks at the HTTP door."""

from typing import Annotated

import typer

from pipeline.errors import SettingsError
from pipeline.settings import Secret, Settings
from pipeline.settings.problems import meant

CallerOption = Annotated[
    str | None,
    typer.Option("--caller", metavar="NAME", help="Speak for this caller. Without it: the first that has an api_key."),
]


def page_of(settings: Settings, url: str) -> str:
    """Give the address of the operators' page, with the key to log in where it is a development key."""
    for operator in settings.operators.values():
        if operator.role == "operator" and operator.key.reference.startswith("dev:"):
            return f"{url}, key {operator.key.reveal().decode()}"
    return url


def key_of(settings: Settings, wanted: str | None = None) -> tuple[str, Secret]:
    """Give a caller and its bearer key. Raises SettingsError, and BadParameter for one without."""
    keys = {name: caller.api_key for name, caller in settings.callers.items() if caller.api_key}
    if wanted is None and not keys:
        raise SettingsError("callers: none has an api_key, so nobody can ask for codes over HTTP; give one to a caller")
    name = wanted or next(iter(keys))
    if name in settings.callers and name not in keys:
        raise typer.BadParameter(f"'{name}' has no api_key, so it cannot use the HTTP door", param_hint="--caller")
    if name not in keys:
        raise typer.BadParameter(f"No such caller '{name}'; {meant(name, list(keys))}", param_hint="--caller")
    return name, keys[name]

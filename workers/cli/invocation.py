"""What a command was called with, and the settings that follow from it. Reads files; the environment is passed in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from stat import S_IROTH
from typing import Annotated, Final

import typer

from pipeline.errors import BrokerAway, SettingsError
from pipeline.message.audit import audit_messages
from pipeline.settings import Settings
from pipeline.settings.layers import CONFIG
from pipeline.settings.parse import Document, parse
from pipeline.settings.references import Found
from pipeline.settings.toml import FILE, read_toml
from workers.embedded.errors import NotRunning
from workers.embedded.running import Running, read_running

UP: Final = Path(".ithaca/up")  # where `ithaca up` keeps its data, in the working directory

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"Settings file. Without it: what {CONFIG} names, else {FILE} where there is one.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help=f"The data folder of a running `ithaca up`. Without it: {UP} where one runs, else the settings alone.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The surroundings of one call of `ithaca`; commands find it as `ctx.obj`."""

    environ: Mapping[str, str] = field(repr=False)
    config: Path | None = None  # what `--config` names

    def settings(self) -> Settings:
        """Read the settings. Raises SettingsError."""
        from providers import ADAPTERS  # brings the HTTP client along

        find = partial(_find_secret, self.environ)
        needs = {name: one.needs for name, one in ADAPTERS.items()}
        return parse(self._document(), self.environ, adapters=needs, find=find, audits=[audit_messages])

    def environ_of_processes(self) -> Mapping[str, str]:
        """Give the environment for processes that are to read the same settings."""
        return {**self.environ, CONFIG: str(self.config.absolute())} if self.config else self.environ

    def _document(self) -> Document:
        named = self.config or (Path(name) if (name := self.environ.get(CONFIG, "").strip()) else None)
        path = named or Path(FILE)
        try:
            return read_toml(str(path), path.read_bytes())
        except FileNotFoundError:
            if named:
                by = "--config" if self.config else CONFIG
                raise SettingsError(f"{named}: does not exist, but {by} names it; create it or name another") from None
            return Document(name=f"{FILE} (which does not exist)")
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read ({error.strerror}); let this process read it") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The settings of a command that is run beside a system, and the system where it is one of `ithaca up`."""

    settings: Settings
    running: Running | None = None
    data: Path | None = None  # the folder, as it was named


def invocation(ctx: typer.Context, config: Path | None) -> Invocation:
    """Give the surroundings of a command; `config` is its own `--config`, which may also stand before the command."""
    found: Invocation = ctx.obj
    return replace(found, config=config or found.config)


def load(ctx: typer.Context, config: Path | None) -> Settings:
    """Read the settings of a command that runs something of its own. Raises SettingsError."""
    return invocation(ctx, config).settings()


def load_beside(ctx: typer.Context, config: Path | None, data: Path | None) -> Beside:
    """Read the settings of a command that talks to a running system. Raises SettingsError, NotRunning.

    The variables of a system that `ithaca up` runs lie between the settings file and the environment.
    """
    called = invocation(ctx, config)
    running = read_running(data or UP)
    if running is None and data:
        raise NotRunning(f"{data}: no system runs there, or it is not ready yet; start one: ithaca up --data {data}")
    if running is None:
        return Beside(settings=called.settings())
    given = {name for name, value in called.environ.items() if value}
    below = {name: value for name, value in running.environ.items() if name not in given}
    settings = replace(called, environ={**called.environ, **below}).settings()
    origins = {key: _origin(origin, below, data or UP) for key, origin in settings.origins.items()}
    return Beside(settings=replace(settings, origins=origins), running=running, data=data)


@contextmanager
def naming_kafka(settings: Settings) -> Iterator[None]:
    """Add to a BrokerAway which Kafka was asked, and why that one."""
    try:
        yield
    except BrokerAway as error:
        origin = settings.origins.get("kafka.bootstrap")
        reason = f"as {origin} says" if origin else f"by default, since no `ithaca up` runs in {UP}"
        raise BrokerAway(f"{error} (it was asked at {settings.kafka.bootstrap}, {reason})") from None


def _origin(origin: str, below: Mapping[str, str], folder: Path) -> str:
    return f"{origin} of the system in {folder}" if origin in below else origin


def _find_secret(environ: Mapping[str, str], kind: str, name: str) -> Found | None:
    if kind == "env":
        return Found(data=environ[name].encode()) if name in environ else None
    try:
        path = Path(name)
        return Found(data=path.read_bytes(), private=not path.stat().st_mode & S_IROTH)
    except OSError:
        return None

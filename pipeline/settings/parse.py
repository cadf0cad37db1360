"""Sources -> one Settings that was audited, or one error that names everything that is wrong."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, replace
from itertools import chain
from typing import Any

from pipeline.settings.audit import audit
from pipeline.settings.defaults import DEVELOPMENT, SIMULATED
from pipeline.settings.kinds import Key, Secret
from pipeline.settings.layers import Entry, Layer, merge, read_document, read_variables
from pipeline.settings.model import Settings
from pipeline.settings.needs import Needs
from pipeline.settings.problems import Path, Problem, Wrong, dotted, settings_error
from pipeline.settings.references import FindSecret, find_nothing, read_secret
from pipeline.settings.tree import bare, default_of, entry_of, is_section, is_table, settings_of
from pipeline.settings.values import Given, convert

DEVELOPMENT_DEFAULT = "development default"

Audit = Callable[[Settings], Iterable[Problem]]  # what else must hold, told by whoever knows of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A settings file that was read as TOML."""

    name: str = "ithaca.toml"
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)

    def origin(self, path: Path) -> str:
        """Tell file and line of a key, or the file alone."""
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        return f"{self.name}:{line}" if line else self.name


def parse(
    document: Document | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    adapters: Mapping[str, Needs] = SIMULATED,
    find: FindSecret = find_nothing,
    audits: Iterable[Audit] = (),
) -> Settings:
    """Put development defaults, the document and the variables on each other, the later winning.

    `adapters` are the known provider adapters with what they need, `find` follows references to secrets, and `audits`
    find what the settings' own audit cannot know of.
    Raises SettingsError with one line per fault: source, key, what is wrong, remedy.
    """
    document = document or Document()
    below, problems = _layer(read_document(document.values, document.origin))
    above, more = _layer(read_variables(environ or {}, below.values()))
    layer = merge(below, above)
    production = ("environment",) in layer and layer["environment",].value == "production"
    if not production:
        layer = merge(_layer(read_document(DEVELOPMENT, lambda _: DEVELOPMENT_DEFAULT))[0], layer)
    builder = _Builder(layer=layer, production=production, find=find, problems=[*problems, *more])
    settings: Settings = builder.build(Settings, ())
    origins = {dotted(path): given.origin for path, given in layer.items()}
    settings = replace(settings, origins=origins)
    audited = chain(audit(settings, adapters), *(one(settings) for one in audits))
    found = [*builder.problems, *_not_yet_said(audited, builder.problems)]
    if found:
        raise settings_error(found, origins, unset=document.name)
    return settings


def _layer(entries: Iterable[Entry]) -> tuple[Layer, list[Problem]]:
    read = list(entries)
    return {one.path: one for one in read if isinstance(one, Given)}, [one for one in read if isinstance(one, Problem)]


def _not_yet_said(found: Iterable[Problem], said: Collection[Problem]) -> list[Problem]:
    """Leave out what the audit says of tables and values that could not be read in the first place."""
    return [one for one in found if not any(other.path[: len(one.path)] == one.path for other in said)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builder:
    """Builds the dataclasses from single values, and goes on where one cannot be used."""

    layer: Layer
    production: bool
    find: FindSecret
    problems: list[Problem]

    def build(self, kind: Any, path: Path) -> Any:
        """Build a table or a value, or give none where there is no value that can be used."""
        if is_section(kind):
            return kind(**{name: self._setting(kind, name, (*path, name)) for name in settings_of(kind)})
        if not is_table(kind):
            return self._value(kind, self.layer[path]) if path in self.layer else None
        names = dict.fromkeys(one[len(path)] for one in self.layer if one[: len(path)] == path)
        entries = {name: self.build(entry_of(kind), (*path, name)) for name in names}
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _setting(self, owner: type, name: str, path: Path) -> Any:
        value = self.build(settings_of(owner)[name], path)
        if value is not None:
            return value
        default = default_of(owner, name)
        if default is not MISSING:
            return default
        if path not in self.layer:
            self.problems.append(Problem(path=path, text="is missing; write it"))
        return ""

    def _value(self, kind: Any, given: Given) -> Any:
        try:
            if bare(kind) is Secret:
                return read_secret(given.value, key=kind == Key, production=self.production, find=self.find)
            return convert(kind, given)
        except Wrong as wrong:
            self.problems.append(Problem(path=given.path, text=str(wrong), origin=given.origin))
            return None

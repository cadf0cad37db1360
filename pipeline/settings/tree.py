"""What may be set: the dataclasses of `model`, read as a tree."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.settings.kinds import Name, Secret
from pipeline.settings.model import Settings
from pipeline.settings.problems import Path

NOT_SET = "origins"  # the one field of Settings that is no setting
T = TypeVar("T")


@cache
def settings_of(table: type) -> Mapping[str, Any]:
    """Give name and type of every setting of a dataclass, `| None` taken off."""
    hints = get_type_hints(table, include_extras=True)
    return {name: _without_none(kind) for name, kind in hints.items() if name != NOT_SET}


@cache
def default_of(table: type, name: str) -> Any:
    """Give the default of a setting, or MISSING when it has none."""
    chosen = next(entry for entry in fields(table) if entry.name == name)
    return chosen.default if chosen.default_factory is MISSING else chosen.default_factory()


def bare(kind: Any) -> Any:
    """Give a type without what `kinds` says of it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def said_of(kind: Any, what: type[T]) -> T | None:
    """Give what `kinds` says of a type, or none: a Name, or the Meta of a range."""
    return next((one for one in getattr(kind, "__metadata__", ()) if isinstance(one, what)), None)


def entry_of(kind: Any) -> Any:
    """Give the type of the entries of a `Mapping[str, ...]`, or none for anything else."""
    return get_args(kind)[1] if get_origin(kind) is Mapping else None


def name_of(kind: Any) -> Name | None:
    """Tell what the entries of a `Mapping` are called by, or none for anything else."""
    return said_of(get_args(kind)[0], Name) if get_origin(kind) is Mapping else None


def is_section(kind: Any) -> TypeGuard[type]:
    """Tell whether a type is a dataclass of settings."""
    return isinstance(kind, type) and is_dataclass(kind)


def child_of(kind: Any, name: str) -> Any:
    """Give the type of what is called `name` in a table, or none."""
    return settings_of(kind).get(name) if is_section(kind) else entry_of(kind)


def is_table(kind: Any) -> bool:
    """Tell whether a type has settings inside."""
    return is_section(kind) or entry_of(kind) is not None


def kinds_along(path: Path) -> Iterator[tuple[Path, Any]]:
    """Give path and type of each table on the way to a value, and at last of the value itself."""
    kind: Any = Settings
    yield (), kind
    for depth, name in enumerate(path, start=1):
        kind = child_of(kind, name)
        yield path[:depth], kind


def replaced_whole(path: Path) -> Path | None:
    """Give the table that a later source replaces as one: shares must sum up, and of a ring the first key counts."""
    return next((table for table, kind in kinds_along(path) if bare(entry_of(kind)) in {Secret, float}), None)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every single value with its path."""
    kind: Any = type(value)
    if is_section(kind):
        for name in settings_of(kind):
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from leaves(entry, (*path, name))
    else:
        yield path, value


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in {Union, UnionType}:
        return next(choice for choice in get_args(kind) if choice is not NoneType)
    return kind

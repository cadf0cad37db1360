"""Figures as people read them: one line each, beside its target where it has one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure."""

    value: str
    meaning: str
    target: str = ""
    met: bool | None = None  # none: it has no target


def plain(value: str, meaning: str) -> Line:
    """Give a figure without a target."""
    return Line(value=value, meaning=meaning)


def at_least(value: float, least: float, meaning: str, unit: str = "") -> Line:
    """Give a figure that is to be large."""
    return Line(value=f"{value:g}{unit}", meaning=meaning, target=f"at least {least:g}{unit}", met=value >= least)


def at_most(value: float | None, most: float, meaning: str, unit: str = "") -> Line:
    """Give a figure that is to be small; none was not measured, and does not meet anything."""
    met = value is not None and value <= most
    shown = "none" if value is None else f"{value:g}{unit}"
    return Line(value=shown, meaning=meaning, target=f"at most {most:g}{unit}", met=met)

"""Which dead letters a command is about, and who gives it."""

import re
from datetime import timedelta
from typing import Annotated, Final

import typer

from pipeline.errors import DeadReason
from pipeline.settings.problems import meant

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
BY_HAND: Final = "cli"  # the author of what is ordered without a name

_AGE: Final = re.compile(r"([0-9]{1,6})([smhd])")
_COUNTRY: Final = re.compile(r"[A-Z]{2}|001")
_AUTHOR: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def reason_of(word: str) -> DeadReason:
    """Read a reason of the closed list."""
    if word not in set(DeadReason):
        raise typer.BadParameter(f"No such reason '{word}'; {meant(word, list(DeadReason))}")
    return DeadReason(word)


def age_of(word: str) -> timedelta:
    """Read an age such as 90s, 10m, 2h or 1d."""
    found = _AGE.fullmatch(word)
    if not found:
        raise typer.BadParameter(f"'{word}' is no age; write a whole number and a unit, such as 90s, 10m, 2h or 1d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def country_of(word: str) -> str:
    """Read a country."""
    if not _COUNTRY.fullmatch(word.upper()):
        raise typer.BadParameter(f"'{word}' is no country; write two letters of ISO 3166-1, such as GB")
    return word.upper()


def author_of(word: str) -> str:
    """Read a name that may be written on a topic."""
    if not _AUTHOR.fullmatch(word):
        raise typer.BadParameter("A name has 1 to 64 letters, digits, dots, dashes and underscores")
    return word


ReasonOption = Annotated[
    DeadReason | None,
    typer.Option("--reason", metavar="REASON", parser=reason_of, help=f"Only of {', '.join(DeadReason)}."),
]
ProviderOption = Annotated[
    str | None, typer.Option("--provider", metavar="NAME", help="Only those that were tried through this provider.")
]
CountryOption = Annotated[
    str | None, typer.Option("--country", metavar="CODE", parser=country_of, help="Only of this country, such as GB.")
]
CallerOption = Annotated[str | None, typer.Option("--caller", metavar="NAME", help="Only of this caller.")]
OlderOption = Annotated[
    timedelta | None,
    typer.Option("--older-than", metavar="AGE", parser=age_of, help="Only those that died longer ago, such as 10m."),
]
NewerOption = Annotated[
    timedelta | None,
    typer.Option("--newer-than", metavar="AGE", parser=age_of, help="Only those that died since then, such as 2h."),
]
LimitOption = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many, newest first.")]
OneArgument = Annotated[
    str | None,
    typer.Argument(metavar="REF", help="Only of this request id, or of this topic/partition/offset."),
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
AuthorOption = Annotated[
    str, typer.Option("--author", metavar="NAME", parser=author_of, help="Who is written down as having done it.")
]

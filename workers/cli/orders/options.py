"""What every order needs: where, why, how long, by whom."""

import pwd
from os import getuid
from typing import Annotated, Final

import typer

from pipeline.settings.countries import EVERYWHERE
from workers.cli.invocation import Invocation

ALL: Final = "all"  # `*` without the quotes that a shell wants around it
UNKNOWN: Final = "unknown"  # who has no login name


def area_of(word: str) -> str:
    """Read a country, or all of them."""
    return EVERYWHERE if word == ALL else word


ProviderArgument = Annotated[str, typer.Argument(metavar="PROVIDER", help="As in the settings.")]
CountryOption = Annotated[
    str, typer.Option("--country", metavar="CODE", parser=area_of, help="One country such as GB, or all.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in 3 to 200 characters, as everybody reads it.")
]
LastsOption = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long it holds, such as 30m, 2h or 7d; it ends by itself.")
]
AuthorOption = Annotated[
    str | None, typer.Option("--author", metavar="NAME", help="Who orders it. Left out: your login name.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Even if no provider that works may be left.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Order nothing; show what would follow.")]


def author_of(ctx: typer.Context, named: str | None) -> str:
    """Give who orders: as named, else whoever is logged in."""
    called: Invocation = ctx.obj
    login = called.environ.get("LOGNAME") or called.environ.get("USER")
    return named or login or _owner()


def _owner() -> str:
    try:
        return pwd.getpwuid(getuid()).pw_name
    except KeyError:
        return UNKNOWN

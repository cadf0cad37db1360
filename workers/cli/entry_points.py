"""Commands that `ithaca` does not know itself: distributions bring them by entry points of the group `ithaca.commands`.

An entry point has the name of its command and refers to a `typer.Typer` with that command. Our own commands are listed
first, then these by distribution and name; one whose module has a `BEFORE = "up"` is listed before `up`.
"""

import sys
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "ithaca.commands"


class Commands(TyperGroup):
    """The commands of `ithaca`. Others are searched only when ours do not suffice, and one that is broken is left out.

    It is left out with a warning on standard error, because whoever meets it may have asked for another command.
    """

    _searched = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command, or none."""
        if cmd_name not in self.commands:
            self._search()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Give the names of all, in the order of the help."""
        self._search()
        return super().list_commands(ctx)

    def _search(self) -> None:
        if self._searched:
            return
        self._searched = True
        for entry in _found():
            try:
                self._add(entry)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it does, the other commands go on
                typer.echo(f"warning: {_fault(entry, error)}", err=True)

    def _add(self, entry: "EntryPoint") -> None:
        if entry.name in self.commands:
            raise LookupError("there is a command of this name already")
        command = _command(entry)
        before = getattr(sys.modules[entry.module], "BEFORE", "")
        names = list(self.commands)
        names.insert(names.index(before) if before in names else len(names), entry.name)
        known = {**self.commands, entry.name: command}
        self.commands = {name: known[name] for name in names}


def _found() -> "list[EntryPoint]":
    """Give the entry points in an order that does not depend on where distributions lie."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda entry: (_distribution(entry), entry.name))


def _command(entry: "EntryPoint") -> Any:
    """Load what an entry point is named after. Raises LookupError, and whatever its module raises."""
    whole = typer.Typer(rich_markup_mode=None)  # it is shown as ours are
    whole.add_typer(entry.load())
    command = typer.main.get_group(whole).commands.get(entry.name)
    if command is None:
        raise LookupError("it has no command of this name")
    return command


def _distribution(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist else ""


def _fault(entry: "EntryPoint", error: BaseException) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    brought = _distribution(entry)
    return (
        f"the command '{entry.name}' is left out: {entry.value} of {brought}: {reason}; repair or uninstall {brought}"
    )

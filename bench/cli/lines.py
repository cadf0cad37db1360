"""Figures beside their targets, as tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from bench.line import Line

STYLES: Final = {True: "green", False: "bold red", None: ""}  # by whether the target is met; none: there is none


def table_of(lines: "Iterable[Line]", *, figure: str, target: str) -> Table:
    """Give one row for each figure; the words are the headings."""
    table = Table(box=None, pad_edge=False)
    table.add_column(figure, justify="right")
    table.add_column()
    table.add_column(target)
    for line in lines:
        add_line(table, line)
    return table


def add_line(table: Table, line: "Line", *before: str) -> None:
    """Add a figure, with what stands in the columns before it."""
    table.add_row(*before, line.value, line.meaning, line.target, style=STYLES[line.met])

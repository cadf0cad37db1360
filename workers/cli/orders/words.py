"""Orders as people and programs read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import to_builtins
from rich.table import Table
from rich.text import Text

from pipeline.orders import Outlook, Refused
from pipeline.records import Order
from pipeline.settings.countries import EVERYWHERE
from workers.cli.output import console, program
from workers.operator_actions.orders import Control, PlacedOrder

BAD: Final = "bold red"
WARNING: Final = "yellow"


def show_given(given: PlacedOrder, *, dry: bool) -> None:
    """Show an order that was given, or would be."""
    order, out = given.accepted.order, console()
    out.print(Text.assemble(("would be  " if dry else "ordered   ", "bold"), what(order)))
    out.print(f"until     {until(order)}, by {order.author}: {order.reason}", markup=False, soft_wrap=True)
    for order_id in given.accepted.replaces:
        out.print(f"replaces  {order_id}", markup=False)
    for one in given.outlook:
        out.print(f"{one.country:8}  {_moves(one)}", markup=False, soft_wrap=True)
    for note in given.accepted.notes:
        out.print(f"note      {note}", style=WARNING, markup=False, soft_wrap=True)
    if not dry:
        out.print(f"undo      {program()} orders withdraw {order.order_id}", markup=False, soft_wrap=True)


def given_document(given: PlacedOrder, *, dry: bool) -> dict[str, Any]:
    """Give the same for programs."""
    return {
        "accepted": True,
        "dry_run": dry,
        "order": to_builtins(given.accepted.order),
        "replaces": list(given.accepted.replaces),
        "notes": list(given.accepted.notes),
        "outlook": to_builtins(given.outlook),
    }


def refused_document(refused: Refused) -> dict[str, Any]:
    """Give for programs why an order was not accepted."""
    return {"accepted": False, "field": refused.field, "problem": refused.text, "forcible": refused.forcible}


def show_orders(orders: Sequence[Order], control: Control) -> None:
    """Show orders as a table."""
    out = console()
    if control.broken:
        out.print(f"{control.broken} records are broken and left out", style=WARNING)
    if not orders:
        out.print("no orders: everything is automatic")
        return
    show_order_rows(orders, control.now)


def show_order_rows(orders: Sequence[Order], now: datetime | None = None) -> None:
    """Show orders as a table; with `now`, those that are over as such."""
    table = Table("order", "what", "until", "by", "reason", box=None, pad_edge=False)
    for order in orders:
        over = " (over)" if now and order.expires_at <= now else ""
        cells = (order.order_id, what(order), until(order) + over, order.author, order.reason)
        table.add_row(*(Text(cell) for cell in cells))
    console().print(table)


def what(order: Order) -> str:
    """Say in a few words what an order wants."""
    if order.partition:
        return f"{order.kind} {order.partition}"
    where = "all countries" if order.country == EVERYWHERE else order.country
    return f"{order.kind} {order.provider or 'the shares'} in {where}{', forced' if order.forced else ''}"


def until(order: Order) -> str:
    """Say when an order ends."""
    return stamp(order.expires_at)


def stamp(at: datetime) -> str:
    """Write an instant."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def shares_of(shares: Mapping[str, float]) -> str:
    """Write shares, the largest first."""
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    return ", ".join(f"{share * 100:.0f} % {provider}" for provider, share in ordered)


def _moves(one: Outlook) -> str:
    if one.now == one.then:
        return f"stays at {shares_of(one.now)}"
    return f"from {shares_of(one.now)} to {shares_of(one.then)}"

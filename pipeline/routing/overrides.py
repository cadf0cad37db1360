"""The orders in force, and what they come to in one country.

A ban is followed before everything else, then a pin, a drain, a probe. A pin of one country goes before one of all,
and the newer of two before the older. A hold keeps what automation has made of the shares; the other orders are
followed on top of it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from pipeline.records import Order, OrderKind
from pipeline.settings.countries import EVERYWHERE


class Overrides(Struct, frozen=True, kw_only=True):
    """What operators want of the providers of one country."""

    pinned: str | None = None
    banned: frozenset[str] = frozenset()
    drained: frozenset[str] = frozenset()  # without those that are banned or pinned, or the last ones
    probed: frozenset[str] = frozenset()
    held: bool = False

    @property
    def out(self) -> frozenset[str]:
        """Give those that get no share."""
        return self.banned | self.drained


NO_OVERRIDES: Final = Overrides()


def in_force(orders: Iterable[Order], now: datetime) -> list[Order]:
    """Give the orders that are not over, oldest first."""
    return sorted((order for order in orders if order.expires_at > now), key=lambda order: order.at)


def of_country(orders: Iterable[Order], country: str) -> list[Order]:
    """Give the orders that concern a country; those about partitions concern none."""
    return [order for order in orders if order.kind is not OrderKind.RESUME and covers(order.country, country)]


def covers(area: str, country: str) -> bool:
    """Tell whether an area, a country or all of them, holds another one."""
    return area in {EVERYWHERE, country}


def overrides(orders: Iterable[Order], country: str, providers: Collection[str], broken: Collection[str]) -> Overrides:
    """Put the orders in force together for the providers of a country, of which some are known to be broken.

    A ban of all of them is followed for none: messages have to go somewhere. Likewise a drain is followed while a
    provider is left that is neither banned, drained nor broken.
    """
    ours, everyone = of_country(orders, country), frozenset(providers)
    bans = _named(ours, OrderKind.BAN, everyone)
    banned = bans if bans != everyone else frozenset()
    left = everyone - banned
    pins = [order for order in ours if order.kind is OrderKind.PIN and order.provider in left]
    pinned = max(pins, key=_precedence).provider if pins else None
    drained = _named(ours, OrderKind.DRAIN, left) - {pinned}
    return Overrides(
        pinned=pinned,
        banned=banned,
        drained=drained if left - drained - frozenset(broken) else frozenset(),
        probed=_named(ours, OrderKind.PROBE, left),
        held=any(order.kind is OrderKind.HOLD for order in ours),
    )


def _precedence(pin: Order) -> tuple[bool, datetime, str]:
    return pin.country != EVERYWHERE, pin.at, pin.order_id


def _named(orders: Iterable[Order], kind: OrderKind, providers: Collection[str]) -> frozenset[str]:
    return frozenset(providers) & {order.provider for order in orders if order.kind is kind}

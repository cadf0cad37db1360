"""Whether an order is accepted, and which orders it takes the place of.

An order takes the place of an older one that it repeats, with another end, or contradicts, in the same country or
all of them: a pin that of another pin, a pin and a drain of one provider each other's. A ban takes the place of all
other orders about its provider, those of single countries among them when it is one of all. It is ended by hand alone:
who bans a provider knows something that others may not, so a pin, drain or probe of it is refused meanwhile.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from msgspec import Struct

from pipeline.dispatch.following import is_broken
from pipeline.orders.wanted import OF_A_PROVIDER, Refused, Situation, Wanted, concerned, wrong
from pipeline.records import Order, OrderKind, Route
from pipeline.routing.explain import heard
from pipeline.routing.overrides import covers, in_force
from pipeline.settings.countries import EVERYWHERE, shares_for
from pipeline.settings.problems import meant


class Accepted(Struct, frozen=True, kw_only=True):
    """An order is accepted."""

    order: Order
    replaces: tuple[str, ...] = ()  # ids of orders that are to be withdrawn for it
    notes: tuple[str, ...] = ()  # what the operator should know


def judge(wanted: Wanted, situation: Situation, now: datetime, order_id: str) -> Accepted | Refused:
    """Accept an order or refuse it. `now` is the broker's time, `order_id` new and unguessable."""
    fault = next(wrong(wanted, situation, now), None) or _is_void(wanted, situation, now)
    if fault:
        return fault
    unusable = _unusable(wanted, situation, now)
    if unusable and not wanted.force:
        return unusable
    order = Order(
        order_id=order_id,
        kind=wanted.kind,
        provider=wanted.provider,
        country=wanted.country,
        partition=wanted.partition,
        reason=wanted.reason.strip(),
        author=wanted.author,
        at=now,
        expires_at=wanted.expires_at,
        forced=unusable is not None,
    )
    replaced = tuple(old.order_id for old in in_force(situation.orders, now) if _replaces(wanted, old))
    return Accepted(order=order, replaces=replaced, notes=tuple(_notes(wanted, situation, now)))


def after(accepted: Accepted, orders: Collection[Order]) -> list[Order]:
    """Give the orders as they will be."""
    return [*(order for order in orders if order.order_id not in accepted.replaces), accepted.order]


def withdrawn(order_id: str, orders: Collection[Order], now: datetime) -> Order | Refused:
    """Give the order that is to be withdrawn."""
    known = {order.order_id: order for order in in_force(orders, now)}
    if order_id in known:
        return known[order_id]
    return Refused(field="order_id", text=f"is of no order in force; {meant(order_id, list(known))}")


def _replaces(wanted: Wanted, old: Order) -> bool:
    """Tell whether an order takes the place of an older one."""
    if wanted.kind is OrderKind.RESUME or old.kind is OrderKind.RESUME:
        return wanted.kind is old.kind and wanted.partition == old.partition
    same, alike = wanted.country == old.country, wanted.provider == old.provider
    if wanted.kind is OrderKind.BAN and alike and old.kind in OF_A_PROVIDER:
        return covers(wanted.country, old.country)
    turned = {wanted.kind, old.kind} == {OrderKind.PIN, OrderKind.DRAIN} and alike
    repeated = wanted.kind is old.kind and (alike or wanted.kind is OrderKind.PIN)
    return same and (turned or repeated)


def _is_void(wanted: Wanted, situation: Situation, now: datetime) -> Refused | None:
    """Refuse an order that another one in force would leave without effect."""
    stronger = {OrderKind.BAN} if wanted.kind in {OrderKind.PIN, OrderKind.PROBE} else {OrderKind.BAN, OrderKind.PIN}
    if wanted.kind not in OF_A_PROVIDER - {OrderKind.BAN}:
        return None
    for old in in_force(situation.orders, now):
        is_stronger = old.kind in stronger and covers(old.country, wanted.country)
        if is_stronger and old.provider == wanted.provider and not _replaces(wanted, old):
            done = "banned" if old.kind is OrderKind.BAN else "pinned"
            text = f"is {done} {_where(old.country)} by {old.author} until {old.expires_at:%d %b %H:%M} UTC"
            return Refused(field="provider", text=f"{text}; withdraw that order first: {old.order_id}")
    return None


def _unusable(wanted: Wanted, situation: Situation, now: datetime) -> Refused | None:
    """Refuse a ban or a pin that leaves a country without a provider that works."""
    if wanted.kind is OrderKind.PIN:
        return _pins_broken(wanted, situation)
    if wanted.kind is not OrderKind.BAN:
        return None
    left = {country: _others(wanted, country, situation, now) for country in concerned(wanted, situation)}
    ours = {country: rest for country, rest in left.items() if wanted.provider in shares_for(situation.routes, country)}
    if without := [country for country, rest in ours.items() if not rest]:
        text = f"is the only one left {_list(without)}; let another one have traffic first, or force this"
        return Refused(field="provider", text=text, forcible=True)
    broken = [country for country, rest in ours.items() if all(_route(name, country, situation) for name in rest)]
    if broken:
        text = f"is the only one {_list(broken)} that is not known to be broken; wait for another one, or force this"
        return Refused(field="provider", text=text, forcible=True)
    return None


def _pins_broken(wanted: Wanted, situation: Situation) -> Refused | None:
    for country in concerned(wanted, situation):
        if route := _route(wanted.provider or "", country, situation):
            text = f"is known to be broken {_where(country)} ({heard(route)}); pin another one, or force this"
            return Refused(field="provider", text=text, forcible=True)
    return None


def _others(wanted: Wanted, country: str, situation: Situation, now: datetime) -> list[str]:
    """Give the other providers of a country that are not banned."""
    bans = [
        old for old in in_force(situation.orders, now) if old.kind is OrderKind.BAN and covers(old.country, country)
    ]
    banned = {wanted.provider, *(old.provider for old in bans)}
    return [name for name in shares_for(situation.routes, country) if name not in banned]


def _route(provider: str, country: str, situation: Situation) -> Route | None:
    """Give the route if it is known to be broken."""
    table = situation.tables.get(country)
    routes = table.routes if table else ()
    return next((route for route in routes if route.provider == provider and is_broken(route)), None)


def _notes(wanted: Wanted, situation: Situation, now: datetime) -> Iterator[str]:
    for country in concerned(wanted, situation):
        if wanted.provider in shares_for(situation.routes, country):
            others = _others(wanted, country, situation, now)
            works = [name for name in others if not _route(name, country, situation)]
            if wanted.kind is OrderKind.BAN and not others:
                yield f"all providers {_where(country)} are banned: none of the bans is followed there, until one ends"
            if wanted.kind is OrderKind.DRAIN and not works:
                yield f"no other provider works {_where(country)}: the drain waits there until one does"
    yield from _goes_before(wanted, situation, now)
    if wanted.kind is OrderKind.RESUME:
        yield "nothing happens unless a dispatcher has paused this partition"


def _goes_before(wanted: Wanted, situation: Situation, now: datetime) -> Iterator[str]:
    """Name the pins of single countries, which a pin of all leaves as they are."""
    if wanted.kind is OrderKind.PIN and wanted.country == EVERYWHERE:
        for old in in_force(situation.orders, now):
            if old.kind is OrderKind.PIN and old.country != EVERYWHERE:
                yield f"{old.country} stays pinned to {old.provider}, by order {old.order_id}"


def _where(country: str) -> str:
    return "in all countries" if country == EVERYWHERE else f"in {country}"


def _list(countries: Collection[str]) -> str:
    return "in " + ", ".join("all other countries" if name == EVERYWHERE else name for name in countries)

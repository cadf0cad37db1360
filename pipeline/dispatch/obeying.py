"""What dispatch itself makes of orders: a ban at once, and all of them while nobody decides.

The decider puts orders into its tables. A ban is not to wait for it, and orders have to be followed just then when the
decider is away or has not heard of a country yet.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipeline.dispatch.following import RoutePlan
from pipeline.records import Order
from pipeline.routing.overrides import Overrides, overrides


def obey(plan: RoutePlan, country: str, orders: Iterable[Order], *, alone: bool) -> RoutePlan:
    """Give the plan under the orders in force. `alone`: nobody decides, or has decided for this country."""
    broken = [name for name, health in plan.health.items() if health.broken]
    ordered = overrides(orders, country, plan.shares, broken)
    if not alone:
        return _without(plan, ordered.banned)
    return _steered(_without(plan, ordered.banned), ordered)


def _without(plan: RoutePlan, banned: frozenset[str]) -> RoutePlan:
    if not banned:
        return plan
    sound = _kept(plan.sound, banned)
    shares = _kept(plan.shares, banned)
    drained = tuple(name for name in plan.drained if name not in banned)
    return replace(plan, shares=shares, sound=sound or shares, drained=drained)


def _steered(plan: RoutePlan, ordered: Overrides) -> RoutePlan:
    """Give everything to who is pinned, else nothing to who is drained. Nothing is probed: nobody would learn of it."""
    if ordered.pinned:
        pinned = {name: float(name == ordered.pinned) for name in plan.shares}
        return replace(plan, shares=pinned, sound={name: pinned[name] for name in plan.shares if name in plan.sound})
    if not ordered.drained:
        return plan
    shares = {name: 0.0 if name in ordered.drained else share for name, share in plan.shares.items()}
    sound = _kept(plan.sound, ordered.drained)
    drained = tuple(dict.fromkeys((*plan.drained, *sorted(ordered.drained))))
    return replace(plan, shares=shares, sound=sound or shares, drained=drained)


def _kept(shares: Mapping[str, float], out: frozenset[str]) -> dict[str, float]:
    return {name: share for name, share in shares.items() if name not in out}

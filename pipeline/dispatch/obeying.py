"""What dispatch itself makes of orders: a ban at once, and all of them while nobody decides.

The decider puts orders into its tables. A ban is not to wait for it, and orders have to be followed just then when the
decider is away or has not heard of a country yet.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipeline.dispatch.following import Course
from pipeline.records import Order
from pipeline.routing.standing import Standing, standing


def obey(course: Course, country: str, orders: Iterable[Order], *, alone: bool) -> Course:
    """Give the course under the orders in force. `alone`: nobody decides, or has decided for this country."""
    broken = [name for name, health in course.health.items() if health.broken]
    ordered = standing(orders, country, course.shares, broken)
    if not alone:
        return _without(course, ordered.banned)
    return _steered(_without(course, ordered.banned), ordered)


def _without(course: Course, banned: frozenset[str]) -> Course:
    if not banned:
        return course
    sound = _kept(course.sound, banned)
    shares = _kept(course.shares, banned)
    drained = tuple(name for name in course.drained if name not in banned)
    return replace(course, shares=shares, sound=sound or shares, drained=drained)


def _steered(course: Course, ordered: Standing) -> Course:
    """Give everything to who is pinned, else nothing to who is drained. Nothing is probed: nobody would learn of it."""
    if ordered.pinned:
        pinned = {name: float(name == ordered.pinned) for name in course.shares}
        return replace(
            course, shares=pinned, sound={name: pinned[name] for name in course.shares if name in course.sound}
        )
    if not ordered.drained:
        return course
    shares = {name: 0.0 if name in ordered.drained else share for name, share in course.shares.items()}
    sound = _kept(course.sound, ordered.drained)
    drained = tuple(dict.fromkeys((*course.drained, *sorted(ordered.drained))))
    return replace(course, shares=shares, sound=sound or shares, drained=drained)


def _kept(shares: Mapping[str, float], out: frozenset[str]) -> dict[str, float]:
    return {name: share for name, share in shares.items() if name not in out}

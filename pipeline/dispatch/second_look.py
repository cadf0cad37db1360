"""The second look at what was handed over: whether it is time to send again, and if not, when to look next."""

from datetime import timedelta
from typing import Final

from pipeline.dispatch.decision import Seen, Send
from pipeline.dispatch.following import RouteHealth
from pipeline.records import FAILED_STATES, Attempt
from pipeline.records.topics import RETRY_TIERS, Topic
from pipeline.settings import DispatchSettings

# An explicit failure receipt is acted on then, and a route that is known to be broken; silence only later.
FIRST_LOOK: Final = timedelta(seconds=10)
EARLY: Final = timedelta(seconds=1)  # that a look may seem to come before its tier: clocks differ
TIERS: Final = sorted(RETRY_TIERS, key=lambda tier: tier.delay)
_LONGEST_FIRST: Final = tuple(reversed(TIERS))


def second_send(
    last: Attempt, seen: Seen, silent: timedelta, policy: DispatchSettings, route: RouteHealth
) -> Send | None:
    """Give the second send of what was handed over so long ago and neither delivered nor verified, if it is time."""
    if seen.last_state in FAILED_STATES:
        return Send(trigger="second_look")
    if route.broken and silent >= _patience(last, policy, route) - EARLY:
        return Send(trigger="second_look", rescue=True)
    overdue = _overdue(policy, route)
    return Send(trigger="second_look", silent=True) if overdue is not None and silent >= overdue else None


def _overdue(policy: DispatchSettings, route: RouteHealth) -> timedelta | None:
    """Give the silence that alone is a reason to send again; none where receipts say nothing."""
    if route.silence_s is None:
        return None
    return timedelta(seconds=max(policy.second_look_s, route.silence_s))


def _patience(last: Attempt, policy: DispatchSettings, route: RouteHealth) -> timedelta:
    """Give the silence after which what went through a broken route is sent again.

    A probe costs no more than seconds. Where receipts say nothing, the entered code alone tells that the route works
    again, and that is credited to a message that was alone: such a probe is given the time that people need.
    """
    if not last.probe:
        return FIRST_LOOK
    return TIERS[0].delay if route.silence_s is not None else timedelta(seconds=policy.second_look_s)


def next_tier(last: Attempt, silent: timedelta, policy: DispatchSettings, route: RouteHealth) -> Topic:
    """Give the tier of the next look: a probe is looked at early and often, what need not be sent again seldom."""
    if last.probe and silent < FIRST_LOOK and route.silence_s is not None:
        return TIERS[0]
    overdue = _overdue(policy, route) or timedelta(seconds=policy.second_look_s)
    return _tier_towards(overdue - silent) if silent < overdue else TIERS[-1]


def _tier_towards(missing: timedelta) -> Topic:
    """Give the longest tier up to the first look's that overshoots by no more than the shortest tier is long."""
    limit = min(missing, FIRST_LOOK) + TIERS[0].delay
    return next(tier for tier in _LONGEST_FIRST if tier.delay <= limit)

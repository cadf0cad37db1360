"""What operators ordered while an incident lasted."""

from pipeline.records import Order
from pipeline.reports.postmortem.facts import Facts, PastOrder
from pipeline.reports.postmortem.wording import clock, without_numbers
from pipeline.settings.countries import EVERYWHERE


def given(facts: Facts) -> list[PastOrder]:
    """Give the orders that were in force at some time of the incident, oldest first."""
    since = facts.incident.onset_at
    found = [one for one in facts.orders if one.order.at <= facts.until and one.ends_at >= since]
    return sorted(found, key=lambda one: (one.order.at, one.order.order_id))


def ordered(order: Order) -> str:
    """Say what was ordered, by whom and why."""
    until = clock(order.expires_at)
    return f"{what(order)} until {until}, by {without_numbers(order.author)}: {without_numbers(order.reason)}"


def what(order: Order) -> str:
    """Say what was ordered."""
    if order.partition:
        return f"{order.kind.value} {order.partition}"
    place = "everywhere" if order.country == EVERYWHERE else f"in {order.country}"
    return f"{order.kind.value} {order.provider or 'the shares'} {place}{', forced' if order.forced else ''}"

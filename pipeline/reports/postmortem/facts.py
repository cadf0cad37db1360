"""All that a postmortem is made of: an incident, and the records around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.incidents.scope import OF_ONE_PROVIDER
from pipeline.records import LONGEST_LIFE, Attempt, DeadLetter, Incident, Order, Receipt, RouteTable, Verification

BEFORE: Final = timedelta(minutes=2)  # the onset, for the chart: what it looked like while all was well
# Whatever was sent earlier belongs to codes that were dead when the chart begins.
MARGIN: Final = BEFORE + LONGEST_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """An order that was given, and when it was withdrawn."""

    order: Order
    withdrawn_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """Give when it stopped, or will stop, to be in force."""
        return min(self.order.expires_at, self.withdrawn_at or self.order.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything is oldest first, and may be missing: topics forget."""

    incident: Incident  # as it was told last
    told: Sequence[Incident] = ()  # all that was told of it
    tables: Sequence[RouteTable] = ()
    orders: Sequence[PastOrder] = ()
    attempts: Sequence[Attempt] = ()
    receipts: Sequence[Receipt] = ()
    verifications: Sequence[Verification] = ()
    dead: Sequence[DeadLetter] = ()
    life: timedelta  # of a code
    as_of: datetime  # what was written until then was read

    @property
    def until(self) -> datetime:
        """Give the end of the incident, or of what is known of it while it is open."""
        return self.incident.closed_at or self.as_of

    @property
    def of_one_provider(self) -> bool:
        """Tell whether it blames a provider."""
        return self.incident.provider is not None and self.incident.cause in OF_ONE_PROVIDER

    def concerns(self, provider: str, country: str | None) -> bool:
        """Tell whether a route is within the incident."""
        incident = self.incident
        return incident.provider in {None, provider} and incident.country in {None, country}

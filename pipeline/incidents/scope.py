"""What makes a fault the same at another look: its cause, and where it is."""

from dataclasses import dataclass
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.records import Cause, Incident

OF_ONE_PROVIDER: Final = frozenset({Cause.PROVIDER, Cause.CREDENTIAL, Cause.ROUTE})
# Whatever fails within these is part of them. The others are of some routes, or blame none.
WHOLE: Final = frozenset({Cause.PROVIDER, Cause.CREDENTIAL, Cause.DESTINATION, Cause.FRAUD, Cause.OURS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is wrong, and where. None stands for all."""

    cause: Cause
    provider: str | None = None
    country: str | None = None
    config: str | None = None

    @classmethod
    def of(cls, incident: Incident) -> "Scope":
        """Give the scope of an incident."""
        return cls(cause=incident.cause, provider=incident.provider, country=incident.country, config=incident.config)

    @property
    def final(self) -> bool:
        """Tell whether it explains its routes once and for all. Others have a fault on top only if it looks so."""
        return self.cause in WHOLE or not self.everywhere

    @property
    def width(self) -> int:
        """Give how many of provider, country and configuration it leaves open."""
        return [self.provider, self.country, self.config].count(None)

    @property
    def everywhere(self) -> bool:
        """Tell whether no provider and no country is named."""
        return self.provider is None and self.country is None

    def holds(self, name: RouteName) -> bool:
        """Tell whether a route is within it."""
        return self.provider in {None, name[0]} and self.country in {None, name[1]}

    def claims(self, name: RouteName) -> bool:
        """Tell whether trouble of a route is part of it without a further look."""
        return self.cause in WHOLE and self.holds(name)

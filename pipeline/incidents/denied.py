"""The routes on which our credential, account or sender is denied."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.evidence.routes import Bucket, Evidence, RouteName

DENIED_S: Final = 10  # hand-overs of so long show whether a credential is good
ROW_S: Final = 60  # breakers let few through, so it may take so long to see several in a row
DENIED: Final = 5  # so many denied, and half of all: it is not
IN_A_ROW: Final = 2  # so many denied and nothing taken in between, as when a breaker tries again: this is as sure


@dataclass(slots=True)
class HandOvers:
    """The hand-overs of some seconds."""

    handed: int = 0
    denied: int = 0
    in_a_row: int = 0  # denied since the last second in which any was taken

    def add(self, bucket: Bucket, *, counts: bool) -> None:
        """Add a second; they come in their order, and the last ones count."""
        if counts:
            self.handed += bucket.accepted + bucket.refused
            self.denied += bucket.denied
        self.in_a_row = 0 if bucket.accepted else self.in_a_row + bucket.denied

    @property
    def mostly_denied(self) -> bool:
        """Tell whether at least half of them were denied."""
        return self.denied > 0 and 2 * self.denied >= self.handed

    @property
    def surely_denied(self) -> bool:
        """Tell whether so many were that it is no chance."""
        return self.in_a_row >= IN_A_ROW or (self.denied >= DENIED and self.mostly_denied)


def denied(evidence: Evidence, now: int) -> set[RouteName]:
    """Give the routes on which our credential, account or sender is denied now."""
    concerned = {name[0] for name in _with_denials(evidence, now)}
    if not concerned:
        return set()
    of_route = {name: _hand_overs(evidence, [name], now) for name in evidence.routes if name[0] in concerned}
    of_provider = {
        provider: _hand_overs(evidence, [name for name in of_route if name[0] == provider], now)
        for provider in concerned
    }
    return {
        name
        for name, of in of_route.items()
        if of.surely_denied or (of.in_a_row and of_provider[name[0]].surely_denied)
    }


def _with_denials(evidence: Evidence, now: int) -> Iterator[RouteName]:
    lately = range(now - DENIED_S, now + 1)
    for name, route in evidence.routes.items():
        seconds = route.seconds
        for second in lately:
            if second in seconds and any(bucket.denied for bucket in seconds[second].values()):
                yield name
                break


def _hand_overs(evidence: Evidence, names: list[RouteName], now: int) -> HandOvers:
    found = HandOvers()
    for second in range(now - ROW_S, now + 1):
        total = Bucket()
        for name in names:
            for bucket in evidence.routes[name].seconds.get(second, {}).values():
                total.accepted += bucket.accepted
                total.refused += bucket.refused
                total.denied += bucket.denied
        found.add(total, counts=second >= now - DENIED_S)
    return found

"""One fault, diagnosed: where it shows, since when, and the numbers of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.incidents.measure import Count, Measure, Sign
from pipeline.incidents.picture import Fault, Picture
from pipeline.records import Cause

LISTED: Final = 4  # names; of more only the number is said
_NUMBERS: Final = {
    Sign.HAND_OVERS: "it took {seen} of {come} messages",
    Sign.RECEIPTS: "{seen} of {come} receipts due since then arrived",
    Sign.ENTRIES: "people entered {seen} of {come} codes due since then",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What sentences are made of."""

    picture: Picture
    fault: Fault
    onset: int  # send second
    measured: Measure  # the routes by which it shows, since its onset
    sign: Sign  # by which it shows

    @property
    def since(self) -> str:
        """Say since when."""
        return f"{datetime.fromtimestamp(self.onset, UTC):%H:%M:%S}"

    @property
    def count(self) -> Count:
        """Give the sign by which it shows."""
        return self.measured.of(self.sign)

    @property
    def others(self) -> frozenset[RouteName]:
        """Give the routes that are not concerned."""
        return self.picture.seen - self.fault.where

    @property
    def fine(self) -> frozenset[RouteName]:
        """Give the routes that are surely fine and not concerned: one that recovers may be fine, and is the fault."""
        return self.picture.fine - self.fault.where

    @property
    def fine_elsewhere(self) -> bool:
        """Tell whether its provider is surely fine in other countries."""
        return any(provider == self.fault.scope.provider for provider, _ in self.fine)

    @property
    def numbers(self) -> str:
        """Say what was due and what came; nothing where nothing was due."""
        count = self.count
        if round(count.come) < 1:
            return ""
        text = _NUMBERS[self.sign].format(seen=count.seen, come=max(round(count.come), count.seen))
        return f": {text}, usual {count.usual * 100:.0f} %"


def diagnose(picture: Picture, fault: Fault) -> Diagnosis:
    """Find since when a fault is, and by which sign it shows."""
    since = _since(picture, fault)
    measured = picture.of(fault.where) if since == picture.since else picture.world.measure(fault.where, since)
    return Diagnosis(picture, fault, since, measured, _sign(measured))


def _since(picture: Picture, fault: Fault) -> int:
    stops = picture.world.baselines.flow.stops
    if fault.scope.cause is Cause.SIGNAL and stops:
        return max(stop.at for stop in stops.values())
    onset = picture.world.onset(fault.where)
    return onset.second if onset else picture.since


def _sign(measured: Measure) -> Sign:
    """Give the first sign that has fallen, else the one that comes closest to it."""
    fallen = [sign for sign in Sign if measured.of(sign).fallen]
    return fallen[0] if fallen else max(Sign, key=lambda sign: measured.of(sign).says_fallen)


def listed(names: Collection[str]) -> str:
    """Say names: "GB, US and DE"."""
    if len(names) > LISTED:
        return f"{', '.join([*names][: LISTED - 1])} and {len(names) - LISTED + 1} more"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

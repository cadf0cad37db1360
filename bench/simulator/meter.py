"""What a policy's shares cost, how soon they followed a fault, and how calm they were.

Lost deliveries are expected ones: shares times what providers really deliver, against the best provider of that
second, so that the luck of single messages does not blur them. Every second and country counts the same.
"""

from dataclasses import dataclass, field
from typing import Final

from bench.simulator.policies.base import Shares
from bench.simulator.truth import Fault, Odds, Truth, delivered_share

MOVE: Final = 0.05  # a move takes a share further than this from where it was at the last move
DETECTED: Final = 0.5  # of the share that the provider had at the onset
DRAINED: Final = 0.2
SHARP: Final = 0.1  # a fault that leaves less than this is sharp; the others are brown-outs
BACK_S: Final = 60  # a reversal: the leader changes, and changes back within so long


@dataclass(slots=True)
class Watch:
    """A fault of the provider that led when it began."""

    fault: Fault
    provider: str
    country: str
    share: float  # at the onset
    detected: bool = False


@dataclass(slots=True)
class Waits:
    """Seconds from the onset of each watched fault; its length where nothing happened before its end."""

    detected: list[int] = field(default_factory=list)  # the share is under half of what it was
    drained: list[int] = field(default_factory=list)  # it is under 20 %
    missed: int = 0  # never under half


@dataclass(slots=True)
class Leader:
    """The provider with the largest share of a country."""

    name: str
    before: str = ""
    since: int = 0


class Meter:
    """Takes the shares of each second."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._onsets: dict[int, list[Fault]] = {}
        for fault in truth.faults:
            if len(fault.providers) < len(truth.providers):  # nobody can go anywhere else
                self._onsets.setdefault(fault.start, []).append(fault)
        self._watches: list[Watch] = []
        self._reference: dict[str, Shares] = {}
        self._leaders: dict[str, Leader] = {}
        self.sharp, self.brown = Waits(), Waits()
        self.lost = self.lost_calm = 0.0
        self.moves = self.reversals = 0

    def note(self, second: int, shares: dict[str, Shares], odds: Odds) -> None:
        """Count one second."""
        calm = self._truth.calm[second]
        for country, split in shares.items():
            delivered = {name: delivered_share(odds[name, country]) for name in self._truth.providers}
            lost = max(delivered.values()) - sum(share * delivered[name] for name, share in split.items())
            self.lost += lost
            if calm:
                self.lost_calm += lost
            self._note_move(country, split, calm=calm)
            self._note_leader(second, country, split)
        self._note_faults(second, shares)

    def _note_move(self, country: str, split: Shares, *, calm: bool) -> None:
        reference = self._reference.get(country)
        if reference is split:
            return
        if reference is None:
            self._reference[country] = split
        elif any(abs(split.get(name, 0.0) - reference.get(name, 0.0)) > MOVE for name in self._truth.providers):
            self._reference[country] = split
            self.moves += calm

    def _note_leader(self, second: int, country: str, split: Shares) -> None:
        name = max(split, key=split.__getitem__)
        leader = self._leaders.get(country)
        if leader is None:
            self._leaders[country] = Leader(name)
        elif split[name] > split.get(leader.name, 0.0):  # as much as the leader is not enough
            self.reversals += name == leader.before and second - leader.since <= BACK_S
            self._leaders[country] = Leader(name, leader.name, second)

    def _note_faults(self, second: int, shares: dict[str, Shares]) -> None:
        for fault in self._onsets.get(second, ()):
            self._watches += self._watched(fault, shares)
        if self._watches:
            self._watches = [watch for watch in self._watches if not self._over(watch, second, shares)]

    def _watched(self, fault: Fault, shares: dict[str, Shares]) -> list[Watch]:
        """Give the countries in which the provider leads."""
        (provider,) = fault.providers
        return [
            Watch(fault, provider, country, shares[country][provider])
            for country in fault.countries
            if shares[country].get(provider, 0.0) >= max(shares[country].values())
        ]

    def _over(self, watch: Watch, second: int, shares: dict[str, Shares]) -> bool:
        waits = self.sharp if watch.fault.kind.delivers < SHARP else self.brown
        share, waited = shares[watch.country].get(watch.provider, 0.0), second - watch.fault.start
        ended = second >= watch.fault.end
        if not watch.detected and (ended or share < watch.share * DETECTED):
            watch.detected = True
            waits.detected.append(waited)
            waits.missed += ended
        if ended or share < DRAINED:
            waits.drained.append(waited)
            return True
        return False

"""What is usual: the shares of messages that are reported as delivered, and whose codes are entered.

Every second is looked at once, when it is old enough that most of what will be heard of it has been. Nothing is
learned of a route while an incident is open there, nor, for two minutes, while all together show less than usual.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final

from pipeline.evidence.routes import Evidence, Heard, RouteName
from pipeline.incidents.flow import Flow
from pipeline.incidents.measure import CLEAR, Count
from pipeline.incidents.scope import Scope

BACK_S: Final = 240  # at the first look it goes back so far, and after a gap no farther
AGE_S: Final = 30  # of a second when it is looked at
HALF_LIFE_S: Final = 900.0  # of what is usual, in seconds with messages
ENOUGH: Final = 20.0  # messages from which on something is known of a route
PULSE_S: Final = 30  # the newest seconds of all routes together, against what is usual of them
ALARMING: Final = 8.0  # log odds: once in 3,000 such spans at most by chance
DOUBTED_S: Final = 120  # what lasts longer and is not explained has become usual

_KEPT: Final = 0.5 ** (1 / HALF_LIFE_S)


@dataclass(slots=True)
class Baseline:
    """What was heard of a route's messages `AGE_S` after their send, fading."""

    sent: float = 0.0
    delivered: float = 0.0
    creditable: float = 0.0
    verified: float = 0.0
    missed: float = 0.0

    def learn(self, heard: Heard) -> None:
        """Take one second."""
        self.sent = self.sent * _KEPT + heard.sent
        self.delivered = self.delivered * _KEPT + heard.delivered
        self.creditable = self.creditable * _KEPT + heard.creditable
        self.verified = self.verified * _KEPT + heard.verified
        self.missed = self.missed * _KEPT + heard.missed

    @property
    def known(self) -> bool:
        """Tell whether there were enough messages to say what is usual."""
        return self.sent >= ENOUGH

    @property
    def reported(self) -> float:
        """Give the share that is reported as delivered; 0 while too little is known."""
        return self.delivered / self.sent if self.sent >= ENOUGH else 0.0

    @property
    def entered(self) -> float:
        """Give the share whose code is entered; 0 while too little is known."""
        return self.verified / self.creditable if self.creditable >= ENOUGH else 0.0

    @property
    def asked(self) -> float:
        """Give the share of which people ask for another message; 0 while too little is known."""
        return self.missed / self.sent if self.sent >= ENOUGH else 0.0


class Baselines:
    """What is usual of every route, and the pulse of all together."""

    def __init__(self) -> None:
        self._routes: dict[RouteName, Baseline] = {}
        self._all = Baseline()  # for routes of which too little is known
        self._pulse: deque[tuple[Count, Count]] = deque(maxlen=PULSE_S)  # receipts and entries of each second
        self._looked_at: int | None = None
        self._doubted_s = 0  # for how long the pulse has looked bad
        self.flow = Flow()

    def learn(self, evidence: Evidence, now: float, faulty: Collection[tuple[Scope, float]]) -> None:
        """Look at the seconds that have become old enough. `faulty` are scopes and onsets of what is wrong now."""
        self.flow.note(evidence, int(now))
        newest = int(now) - AGE_S
        oldest = int(now) - BACK_S
        if self._looked_at is not None:
            oldest = max(oldest, self._looked_at + 1)
        for second in range(oldest, newest + 1):
            current = [scope for scope, onset in faulty if second >= onset]
            self._pulse.append(self._look(evidence, second, current))
            self._looked_at = second

    def of(self, route: RouteName) -> Baseline:
        """Give what is usual of a route."""
        return self._routes.get(route) or Baseline()

    def together(self, routes: Iterable[RouteName]) -> Baseline:
        """Give what is usual of some routes together."""
        found = [self.of(route) for route in routes]
        return Baseline(
            sent=sum(usual.sent for usual in found),
            delivered=sum(usual.delivered for usual in found),
            creditable=sum(usual.creditable for usual in found),
            verified=sum(usual.verified for usual in found),
            missed=sum(usual.missed for usual in found),
        )

    @property
    def alarmed(self) -> bool:
        """Tell whether all routes together show much less than usual, or a signal is lost."""
        return bool(self.flow.stops) or self._fallen() >= ALARMING

    def _fallen(self) -> float:
        """Give the log odds that a sign of all routes together has fallen, since whenever that explains most."""
        receipts = accumulate(of_receipts.says_fallen for of_receipts, _ in reversed(self._pulse))
        entries = accumulate(of_entries.says_fallen for _, of_entries in reversed(self._pulse))
        return max(chain(receipts, entries), default=0.0)

    def _look(self, evidence: Evidence, second: int, faulty: Collection[Scope]) -> tuple[Count, Count]:
        receipts, entries = Count(), Count()
        self._doubted_s = self._doubted_s + 1 if self._fallen() >= CLEAR else 0
        doubtful = 0 < self._doubted_s <= DOUBTED_S
        for name, route in evidence.routes.items():
            heard = route.heard(second, second) if second in route.seconds else None
            if heard is None:
                continue
            usual = self._routes.setdefault(name, Baseline())
            known = usual if usual.known else self._all
            receipts.add(heard.sent, 1.0, known.reported, heard.delivered)
            entries.add(heard.creditable, 1.0, known.entered, heard.verified)
            if not (doubtful or any(scope.holds(name) for scope in faulty)):
                usual.learn(heard)
                self._all.learn(heard)
        return receipts, entries

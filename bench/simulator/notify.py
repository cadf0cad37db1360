"""What GOV.UK Notify does by itself when text messages fail, by its published rules.

Rules: github.com/alphagov/notifications-api, `switch_current_sms_provider_on_slow_delivery` and
`tend_providers_back_to_middle` in app/celery/scheduled_tasks.py, `provider_details_dao.py`, `send_to_providers.py`.
Notify has two providers and one split for all countries; with more of them, what one loses the others share equally.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

STEP: Final = 10.0  # points
CHECK_EVERY_S: Final = 60
LOOK_BACK_S: Final = 900
SLOW_S: Final = 300  # delivered later, or not delivered and as old
SLOW_SHARE: Final = 0.15
SLOW_PAUSE_S: Final = 300  # no step for slowness so soon after any other step
ERRORS: Final = 50  # more than so many
ERRORS_WITHIN_S: Final = 60
ERRORS_PAUSE_S: Final = 60
REST_EVERY_S: Final = 300
REST_PAUSE_S: Final = 900


@dataclass(slots=True)
class _Sends:
    """The messages of one provider and send second. Those reported as failed count no more."""

    open: int = 0
    quick: int = 0
    slow: int = 0


class NotifyRules:
    """Feed it what happens, in order, and `tick` once a second. Instants are whole seconds of any clock."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._resting = 100 / len(providers)
        self._sends: dict[str, defaultdict[int, _Sends]] = {name: defaultdict(_Sends) for name in providers}
        self._errors: dict[str, deque[int]] = {name: deque() for name in providers}
        self._moved_at: int | None = None
        self.points = dict.fromkeys(providers, self._resting)  # together 100: the share of each provider

    def accepted(self, provider: str, sent_at: int, count: int = 1) -> None:
        """Note hand-overs that the provider took."""
        self._sends[provider][sent_at].open += count

    def refused(self, provider: str, at: int, count: int = 1) -> None:
        """Note hand-overs that ended in an error. More than 50 within a minute cost the provider 10 points."""
        errors = self._errors[provider]
        errors.extend([at] * count)
        while errors and errors[0] <= at - ERRORS_WITHIN_S:
            errors.popleft()
        if len(errors) > ERRORS:
            self._reduce(provider, at, ERRORS_PAUSE_S)

    def delivered(self, provider: str, sent_at: int, at: int, count: int = 1) -> None:
        """Note receipts that say delivered."""
        sends = self._sends[provider][sent_at]
        sends.open -= count
        if at - sent_at >= SLOW_S:
            sends.slow += count
        else:
            sends.quick += count

    def failed(self, provider: str, sent_at: int, count: int = 1) -> None:
        """Note receipts that say failed."""
        self._sends[provider][sent_at].open -= count

    def tick(self, at: int) -> None:
        """Do what is due at this second: the check of each minute, and the way back to equal shares."""
        if at % CHECK_EVERY_S == 0:
            self._forget(at)
            slow = {name for name in self.points if self._is_slow(name, at)}
            if len(slow) < len(self.points):  # when all are slow, nobody is to blame
                for name in sorted(slow):
                    self._reduce(name, at, SLOW_PAUSE_S)
        if at % REST_EVERY_S == 0 and self._may_move(at, REST_PAUSE_S):
            self._rest(at)

    def _forget(self, at: int) -> None:
        for sends in self._sends.values():
            for second in [second for second in sends if second < at - LOOK_BACK_S]:
                del sends[second]

    def _is_slow(self, provider: str, at: int) -> bool:
        counts = list(self._ages(provider, at))
        total = sum(count for count, _ in counts)
        return total > 0 and sum(slow for _, slow in counts) / total >= SLOW_SHARE

    def _ages(self, provider: str, at: int) -> Iterator[tuple[int, int]]:
        """Give how many messages of each second count, and how many of them are slow."""
        for second, sends in self._sends[provider].items():
            overdue = sends.open if at - second >= SLOW_S else 0
            yield sends.open + sends.quick + sends.slow, sends.slow + overdue

    def _may_move(self, at: int, pause_s: int) -> bool:
        return self._moved_at is None or at - self._moved_at >= pause_s

    def _reduce(self, provider: str, at: int, pause_s: int) -> None:
        others = [name for name in self.points if name != provider]
        if not others or not self._may_move(at, pause_s):
            return
        taken = min(STEP, self.points[provider])
        self.points[provider] -= taken
        for name in others:
            self.points[name] += taken / len(others)
        self._moved_at = at

    def _rest(self, at: int) -> None:
        """Go one step towards equal shares: at most 10 points for the one that is furthest away."""
        away = {name: self._resting - points for name, points in self.points.items()}
        furthest = max(map(abs, away.values()))
        if furthest:
            part = min(STEP / furthest, 1.0)
            self.points = {name: self.points[name] + part * missing for name, missing in away.items()}
            self._moved_at = at

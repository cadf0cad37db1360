"""What GOV.UK Notify's published rules would have left undelivered on the same traffic, without a second message."""

from collections.abc import Mapping, Sequence
from typing import Final

from bench.drills.counting import Code
from bench.drills.drills import Orders
from bench.drills.moves import Outage, Shares
from bench.simulator.notify import NotifyRules
from pipeline.dispatch.choice import choose, point_of
from pipeline.evidence.delays import FLOOR_S, MEDIAN_S

RECEIPT_S: Final = round(FLOOR_S + MEDIAN_S)  # as long as the carriers' receipts usually take
TAKEN: Final = {"silent_drop", "receipts_faked"}  # faults that a carrier's answer does not show
FAKED: Final = "receipts_faked"

Changes = Sequence[tuple[float, Orders | None]]  # when faults were ordered and cleared, and which


class Replay:
    """One split for all countries, from the shares that held at the onset. Its seconds are those since `began`."""

    def __init__(self, shares: Shares, outage: Outage, changes: Changes, began: float) -> None:
        self._rules = NotifyRules(list(shares))
        self._rules.points = {name: 100 * share for name, share in shares.items()}
        self._outage = outage
        self._changes = changes
        self._began = began
        self._reports: list[tuple[int, str, int]] = []  # receipts on their way: when, of whom, sent when
        self._second = int(outage.onset_at - began)  # the rules are looked at from then on

    def undelivered(self, code: Code) -> bool:
        """Send one code, none of which is older than the one before; tell whether it is swallowed."""
        at = int(code.asked_at - self._began)
        self._until(at)
        provider = choose(self._rules.points, (), point_of(code.request_id, 1))
        if provider is None:
            return True
        faults = self._faults(code, provider)
        if faults.keys() - TAKEN:
            self._rules.refused(provider, at)
            return True
        self._rules.accepted(provider, at)
        if not faults or FAKED in faults:
            self._reports.append((at + RECEIPT_S, provider, at))
        return bool(faults)

    def _until(self, at: int) -> None:
        while self._reports and self._reports[0][0] <= at:
            came_at, provider, sent_at = self._reports.pop(0)
            self._rules.delivered(provider, sent_at, came_at)
        while self._second < at:
            self._second += 1
            self._rules.tick(self._second)

    def _faults(self, code: Code, provider: str) -> Mapping[str, object]:
        """Give the faults that a message of this code meets at a carrier."""
        orders = next((orders for at, orders in reversed(self._changes) if at <= code.asked_at), None)
        if orders is None or provider not in self._outage.carriers or code.country not in self._outage.countries:
            return {}
        point = point_of(code.request_id[::-1], 1)  # another one than that of the choice
        return {fault: options for fault, options in orders.items() if point < options.get("share", 1.0)}


def undelivered(known: Sequence[Code], shares: Shares, outage: Outage, changes: Changes) -> int:
    """Count those asked for since the onset that would not have been delivered."""
    in_order = sorted(known, key=lambda code: code.asked_at)
    if not in_order:
        return 0
    replay = Replay(shares, outage, changes, in_order[0].asked_at)
    return sum(replay.undelivered(code) and code.asked_at >= outage.onset_at for code in in_order)

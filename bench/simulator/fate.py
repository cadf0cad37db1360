"""What becomes of one hand-over."""

from typing import Final, NamedTuple

from bench.simulator.traffic import Luck
from bench.simulator.worlds import Kind, Receipts

NEVER: Final = 1 << 30  # no second of any run


class Fate(NamedTuple):
    """The future of a message that a provider was given. Instants are seconds since the start of the run."""

    refused: bool
    delivered: bool
    receipt_at: int  # of a receipt that says delivered
    failed_at: int  # of one that says failed
    entered_at: int  # when the person's entry of the code is reported


REFUSED: Final = Fate(refused=True, delivered=False, receipt_at=NEVER, failed_at=NEVER, entered_at=NEVER)


def fate(luck: Luck, usual: float, kind: Kind, receipts: Receipts, second: int) -> Fate:
    """Give the fate of a message by its luck and by what the provider usually delivers, and does now."""
    if kind.refuses:
        return REFUSED
    delivered = luck.fate < usual * kind.delivers
    receipt_at = failed_at = entered_at = NEVER
    if delivered or (kind.fakes and luck.fate < usual):
        if luck.told < receipts.of_successes:
            receipt_at = second + luck.receipt_s
    elif luck.told < receipts.of_failures and (kind.tells or luck.fate >= 1 - (1 - usual) * kind.delivers):
        failed_at = second + luck.receipt_s
    if delivered and luck.entry_s is not None:
        entered_at = second + luck.entry_s
    return Fate(False, delivered, receipt_at, failed_at, entered_at)

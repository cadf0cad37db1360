"""What callbacks were to us, counted and logged."""

from collections import Counter

from workers.log import get_log
from workers.state.receipts import ReceiptVerdict

log = get_log("receipts")


class CallbackCounter:
    """Counts callbacks by what they were."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, *reasons: str) -> None:
        """Count, and log each time the count has doubled: a flood of forged callbacks is no flood of log lines."""
        for what in reasons:
            self.counts[what] += 1
            count = self.counts[what]
            if what != ReceiptVerdict.ADVANCED and count & (count - 1) == 0:
                log.warning("receipt.unusual", reason=what, count=count)

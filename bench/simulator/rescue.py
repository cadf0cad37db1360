"""When a message is looked at again, and whether another provider gets it then."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from bench.simulator.fate import Fate
from bench.simulator.policies.base import Policy
from bench.simulator.traffic import Message
from pipeline.dispatch.limits import SecondSendBudget

FIRST_LOOK_S: Final = 10  # enough for an explicit failure, and for silence where the provider is known to be broken
SECOND_LOOK_S: Final = 30  # silence is enough
FAILOVER_S: Final = 2  # after a refusal
PROBE_STEP_S: Final = 2
PROBE_PATIENCE_S: Final = 2  # what tries out a broken provider is given up after so long
BUDGET: Final = 0.1  # second sends for each send


@dataclass(slots=True)
class Sent:
    """A first hand-over whose message is not known to have arrived."""

    message: Message
    provider: str
    at: int
    probe: bool
    fate: Fate

    def heard(self, second: int) -> bool:
        """Tell whether its arrival is known by this second."""
        return self.fate.receipt_at <= second or self.fate.entered_at <= second


class Looks:
    """Keeps what has to be looked at again, and gives what has to be sent again."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._due: defaultdict[int, list[Sent]] = defaultdict(list)
        self._budgets: defaultdict[str, SecondSendBudget] = defaultdict(lambda: SecondSendBudget(BUDGET))

    def expect(self, sent: Sent) -> None:
        """Look at a message again when it is time."""
        self._budgets[sent.provider].earn()
        if sent.fate.refused:
            self._due[sent.at + FAILOVER_S].append(sent)
        elif sent.probe:
            self._due[sent.at + PROBE_STEP_S].append(sent)
        elif not sent.heard(sent.at + FIRST_LOOK_S):
            self._due[sent.at + FIRST_LOOK_S].append(sent)

    def due(self, second: int) -> list[Sent]:
        """Give what another provider gets now."""
        return [sent for sent in self._due.pop(second, ()) if not sent.heard(second) and self._again(sent, second)]

    def _again(self, sent: Sent, second: int) -> bool:
        if sent.fate.refused or self._given_up(sent, second):
            return True
        age = second - sent.at
        silent = age >= SECOND_LOOK_S and self._policy.reports(sent.provider, sent.message.country)
        if sent.fate.failed_at <= second or silent:
            return self._budgets[sent.provider].spend()
        if age >= SECOND_LOOK_S:
            return False
        later = sent.at + (SECOND_LOOK_S if age >= FIRST_LOOK_S else min(age + PROBE_STEP_S, FIRST_LOOK_S))
        self._due[later].append(sent)
        return False

    def _given_up(self, sent: Sent, second: int) -> bool:
        patience_s = self._patience_s(sent)
        return second - sent.at >= patience_s and self._policy.distrusts(sent.provider, sent.message.country)

    def _patience_s(self, sent: Sent) -> int:
        """Give how long a distrusted provider is waited for: where no receipts come, as long as people need."""
        if not sent.probe:
            return FIRST_LOOK_S
        return PROBE_PATIENCE_S if self._policy.reports(sent.provider, sent.message.country) else SECOND_LOOK_S

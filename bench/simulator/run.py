"""One policy in one world: hands its messages over, and brings it the news of them."""

from collections import defaultdict

from bench.simulator.fate import NEVER, Fate, fate
from bench.simulator.policies.base import Heard, Key, Policy
from bench.simulator.rescue import Looks, Sent
from bench.simulator.traffic import Luck, Message
from bench.simulator.truth import Odds
from bench.simulator.worlds import World
from pipeline.dispatch.choice import choose

TAIL_S = 60  # codes of the last minute are not counted: their second looks would come after the end


class Run:
    """Goes from second to second."""

    def __init__(self, world: World, policy: Policy) -> None:
        self.policy = policy
        self.requested = 0
        self.undelivered = 0
        self.sent_again = 0
        self._counted_until = world.seconds - TAIL_S
        self._receipts = world.receipts
        self._looks = Looks(policy)
        self._news: defaultdict[int, dict[Key, Heard]] = defaultdict(dict)

    def step(self, second: int, messages: list[Message], odds: Odds) -> None:
        """Live through one second."""
        for message in messages:
            self._send(second, message, odds)
        for sent in self._looks.due(second):
            self._send_again(second, sent, odds)
        self.policy.learn(second, self._news.pop(second, {}))

    def _send(self, second: int, message: Message, odds: Odds) -> None:
        country = message.country
        provider = choose(self.policy.shares[country], (), message.luck.point)
        assert provider
        found = self._hand_over(second, provider, country, message.luck, odds)
        key = (second, provider, country)
        heard = self._heard(second, key)
        heard.first += 1
        heard.creditable += not found.refused
        if found.entered_at < NEVER:
            self._heard(found.entered_at, key).verified += 1
        probe = self.policy.probes(provider, country)
        self._looks.expect(Sent(message, provider, second, probe, found))
        if second < self._counted_until:
            self.requested += 1
            self.undelivered += not found.delivered

    def _send_again(self, second: int, sent: Sent, odds: Odds) -> None:
        country, luck = sent.message.country, sent.message.again
        provider = choose(self.policy.shares[country], (sent.provider,), luck.point)
        if provider is None:
            return
        self._uncredit(second, sent)
        found = self._hand_over(second, provider, country, luck, odds)
        if not sent.fate.delivered and found.receipt_at <= found.entered_at < NEVER:  # else nobody knows which arrived
            self._heard(found.entered_at, (second, provider, country)).verified += 1
        self._heard(second, (sent.at, sent.provider, country)).rescued += 1
        self.sent_again += 1
        if sent.at < self._counted_until:
            self.undelivered -= found.delivered and not sent.fate.delivered

    def _uncredit(self, second: int, sent: Sent) -> None:
        """Take back the coming entry of a code: after a second message it is not known which one arrived."""
        entered_at = sent.fate.entered_at
        if second < entered_at < min(sent.fate.receipt_at, NEVER):
            self._heard(entered_at, (sent.at, sent.provider, sent.message.country)).verified -= 1

    def _hand_over(self, second: int, provider: str, country: str, luck: Luck, odds: Odds) -> Fate:
        usual, kind = odds[provider, country]
        found = fate(luck, usual, kind, self._receipts, second)
        key = (second, provider, country)
        if found.refused:
            self._heard(second, key).refused += 1
            return found
        self._heard(second, key).accepted += 1
        if found.receipt_at < NEVER:
            self._heard(found.receipt_at, key).delivered += 1
        elif found.failed_at < NEVER:
            self._heard(found.failed_at, key).failed += 1
        return found

    def _heard(self, at: int, key: Key) -> Heard:
        news = self._news[at]
        heard = news.get(key)
        if heard is None:
            heard = news[key] = Heard()
        return heard

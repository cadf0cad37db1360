"""GOV.UK Notify's published rules as a policy."""

from bench.simulator.notify import NotifyRules
from bench.simulator.policies.base import News, Policy, equal
from bench.simulator.truth import Truth


class Notify(Policy):
    """One split for all countries."""

    def __init__(self, truth: Truth) -> None:
        self._rules = NotifyRules(truth.providers)
        self.shares = {country: equal(truth.providers) for country in truth.countries}

    def learn(self, second: int, news: News) -> None:
        for (sent, provider, _), heard in news.items():
            self._rules.accepted(provider, sent, heard.accepted)
            self._rules.delivered(provider, sent, second, heard.delivered)
            self._rules.failed(provider, sent, heard.failed)
            self._rules.refused(provider, second, heard.refused)
        self._rules.tick(second)
        shares = {name: points / 100 for name, points in self._rules.points.items()}
        self.shares = dict.fromkeys(self.shares, shares)

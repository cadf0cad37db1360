"""What every policy is: it learns each second, and gives the shares of each country."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Shares = Mapping[str, float]  # of each provider, together 1
Key = tuple[int, str, str]  # send second, provider and country


@dataclass(slots=True)
class Heard:
    """What has become known within one second of the messages that went one way in one send second."""

    accepted: int = 0
    refused: int = 0
    delivered: int = 0  # receipts
    failed: int = 0  # receipts
    verified: int = 0
    rescued: int = 0  # sent again through another provider
    first: int = 0  # of the accepted and refused: first hand-overs
    creditable: int = 0  # of the accepted: first hand-overs


News = Mapping[Key, Heard]
BEST_SHARE: Final = 0.95  # of the policies that explore 5 % all the time


class Policy(ABC):
    """Decides once a second. `shares` has every country."""

    shares: dict[str, Shares]

    @abstractmethod
    def learn(self, second: int, news: News) -> None:
        """Take what has come by the end of this second; the shares are those of the next."""

    def distrusts(self, provider: str, country: str) -> bool:  # noqa: ARG002 - most do not know
        """Tell whether messages are likely to be lost there, so that silence after 10 s is enough to send again."""
        return False

    def reports(self, provider: str, country: str) -> bool:  # noqa: ARG002 - the same
        """Tell whether receipts come from there, so that silence says something."""
        return True

    def probes(self, provider: str, country: str) -> bool:  # noqa: ARG002 - the same
        """Tell whether what is sent there now only tries out whether it works again."""
        return False


def equal(providers: tuple[str, ...]) -> Shares:
    """Give everyone the same."""
    return dict.fromkeys(providers, 1 / len(providers))


def mostly(best: str, providers: tuple[str, ...]) -> Shares:
    """Give the best one 95 %, and the others the rest."""
    others = len(providers) - 1
    if not others:
        return {best: 1.0}
    return {name: BEST_SHARE if name == best else (1 - BEST_SHARE) / others for name in providers}

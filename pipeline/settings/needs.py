"""What a provider's adapter needs of the settings of an account with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# 3GPP TS 23.040, 9.1.2.5 has 11 characters; these are the ones that Twilio lists.
# https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
LETTERS: Final = r"[A-Za-z0-9 &+_-]{1,11}"
HOST_LABEL: Final = r"[a-z0-9-]+"  # what may become a part of the provider's address


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderNeeds:
    """What an adapter needs to send from, and what it refuses there."""

    required: bool = False  # nothing is sent without one
    letters: str = LETTERS  # a pattern: what a sender with letters may be
    pool: str | None = None  # what `pools` name; none: the adapter knows no pools
    pool_alone: bool = False  # a pool will do without a sender
    letters_in_pool: bool = False  # a sender with letters is taken beside a pool alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Each text says what a value is, and is part of the error when it is missing."""

    credential: str  # the secret that requests are made with
    required: Mapping[str, str] = field(default_factory=dict)  # option -> what it is
    optional: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)  # option -> a pattern that it must have as a whole
    sender: SenderNeeds = field(default_factory=SenderNeeds)
    webhook_keys: str | None = None  # what callbacks are verified with; none: they are not needed
    optional_webhook_keys: str | None = None  # what makes callbacks safer, or what else may sign them
    base_url: bool = False  # the adapter knows no address of its own

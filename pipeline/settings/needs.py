"""What a provider's adapter needs of the settings of an account with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Each text says what a value is, and is part of the error when it is missing."""

    credential: str  # the secret that requests are made with
    required: Mapping[str, str] = field(default_factory=dict)  # option -> what it is
    optional: Mapping[str, str] = field(default_factory=dict)
    webhook_keys: str | None = None  # what callbacks are verified with; none: they are not needed
    optional_webhook_keys: str | None = None  # what makes callbacks safer, or what else may sign them
    base_url: bool = False  # the adapter knows no address of its own

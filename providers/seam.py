"""What workers see of a provider."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from msgspec import Struct

from pipeline.errors import ProviderError
from pipeline.records import ReceiptState


class Sms(Struct, frozen=True, kw_only=True):
    """One message to hand over. Number and text never show in its `repr`."""

    attempt_id: str  # request id and attempt number, joined by a dot
    to: str  # E.164 with its plus
    text: str
    sender: str | None  # sender ID, where the settings give one for this provider and country
    pool: str | None = None  # the provider's id of a pool of senders, which goes before the sender ID
    country: str
    callback_url: str  # where receipts go; holds the token
    reference: str  # the token alone, for providers with one fixed callback URL
    validity_s: int  # what is left of the code's life
    timeout_s: float  # total limit of this hand-over
    registrations: Mapping[str, str] = {}  # what the country's registry gave the caller, such as dlt_template_id
    send_before: float  # `time.monotonic()` after which no byte may leave: the claim or the life ends

    def __repr__(self) -> str:
        return f"Sms({self.attempt_id})"


class Accepted(Struct, frozen=True, kw_only=True):
    """The provider took the message."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An HTTP request that a provider sent us, as it arrived."""

    method: str
    url: str = field(repr=False)  # the public URL as the provider called it
    headers: Mapping[str, str] = field(repr=False)  # case-insensitive
    body: bytes = field(repr=False)
    received_at: float = field(default_factory=time.time)  # seconds since 1970, for schemes with a window


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReceipt:
    """One delivery receipt in a callback, in our words."""

    state: ReceiptState
    raw: str  # the provider's own word, at most 64 characters
    code: str | None = None
    message_id: str | None = None
    reference: str | None = field(default=None, repr=False)  # our token or its MAC, where the body carries it
    nonce: str | None = None  # of this callback alone, where the scheme has one: a second one is a replay
    part: tuple[int, int] | None = None  # which part of the message it is about, from 1, and of how many: 2 at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do, in words for people."""

    validity: str  # how the provider is told to forget a code that is over
    receipts: str  # how they reach us
    proof: str  # what proves a callback
    check: str  # what `check` finds out without sending
    rotation: str  # how a credential is replaced without a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that `check` asked about."""

    what: str  # credential, sender, balance, countries
    detail: str  # what the provider says, such as the balance
    error: ProviderError | None = None  # none: all is well


class Provider(Protocol):
    """What workers see of an SMS provider."""

    name: str  # as in the settings, such as carrier-a
    adapter: ClassVar[str]  # as in ADAPTERS, such as carrier

    async def send(self, sms: Sms) -> Accepted:
        """Hand one message over. Raises ProviderError, and nothing else, when it is not certainly accepted."""
        ...

    async def receive(self, callback: Callback) -> tuple[ProviderReceipt, ...]:
        """Verify and read a callback. Raises InvalidMessage, or ProviderError when what proves it cannot be had."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

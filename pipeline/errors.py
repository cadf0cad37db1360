"""Every error that a worker may meet, each saying by its class what to do about it.

PipelineError
 |- SettingsError        a setting is wrong: the process does not start
 |- InvalidMessage       the record or callback can never be processed: dead letter, no retry
 |- StoreAway            the state store does not answer: go on without it, or refuse
     |- RowUnreadable    this row of it cannot be read: the same, for this request alone
 |- BrokerAway           Kafka does not answer: wait, or refuse
 |- CommitRefused        the group has moved on: go on, the partition's new owner knows the last commit
 |- CannotGoOn           only a restart may mend it: the process ends with an error, what is in hand comes again
 |- TopicMismatch        a topic is not as it must be: the process does not start
 |- ProviderError        a hand-over did not succeed
     |- NotSent            we stopped it ourselves: the code or the claim ran out, or no receipt could come back
     |- Throttled          later, or another route if the deadline is near
         |- RecipientThrottled  this recipient had too many: the same, and it says nothing about the provider
     |- Unavailable        another route; counts against the breaker
     |- AcceptanceUnknown  may have been sent: wait for a receipt, then another route
     |- Misconfigured      our credential or funds: another route, and an operator
         |- RouteRefused     our sender, registration or country: the same, for this country alone
     |- Refused            in words that we do not know: another route at once; counts against the route
     |- Rejected           this destination never: dead letter on the word of two
     |- Undeliverable      this provider cannot reach it: another route may
     |- Malformed          our payload is wrong: alarm; dead letter on the word of two
"""

from enum import StrEnum
from typing import ClassVar, Final


class DeadReason(StrEnum):
    """Why nothing was sent for a record: it is a dead letter. A closed list: labels and filters are made of it."""

    UNDECODABLE = "undecodable"  # not JSON, or JSON nested too deeply
    UNKNOWN_VERSION = "unknown_version"  # a major version this reader does not know
    INVALID_FIELD = "invalid_field"  # a field is missing or has a wrong type or range
    OVERSIZED = "oversized"  # more than 64 kB
    UNKNOWN_CALLER = "unknown_caller"  # no such caller in the settings
    SEAL_BROKEN = "seal_broken"  # the sealed number or code does not open for this caller and request
    PLAIN_NUMBER = "plain_number"  # an unsealed number where the settings do not allow it
    INVALID_NUMBER = "invalid_number"  # not E.164, or no number that a plan can have, or premium rate
    INVALID_CODE = "invalid_code"  # a caller's own code that does not look like one
    CONFLICT = "conflict"  # its request id came before, with another number or another code of the caller's own
    UNRENDERABLE = "unrenderable"  # the caller's template cannot be rendered
    NO_ROUTE = "no_route"  # no provider is configured for this country
    REJECTED = "rejected"  # two providers, or the only one, say that this destination can never be reached
    MALFORMED = "malformed"  # two providers, or the only one, say that our text is wrong: a defect of ours
    EXHAUSTED = "exhausted"  # every attempt failed
    SUPERSEDED = "superseded"  # a newer request of the same caller, number and purpose came before it was sent
    EXPIRED = "expired"  # its life, or the part of it in which sends may start, was over before any hand-over
    # Of a wish for another message: its caller is told, and there is no dead letter, for its request lives.
    TOO_SOON = "too_soon"  # after the request, or after the wish before
    TOO_MANY = "too_many"  # the request has had all the attempts that it may have
    DEFECT = "defect"  # our own code raised what it should not


class PipelineError(Exception):
    """The root of all errors of this project."""


class SettingsError(PipelineError):
    """One or more settings are wrong. The text names file or variable, key and remedy, one per line."""


class InvalidMessage(PipelineError):
    """A record or a callback that can never be processed.

    `reason` is from the closed list; `detail` names the field and what is wrong with it, never its content;
    `source` is the caller that wrote it, where that could still be read.
    """

    def __init__(self, reason: DeadReason, detail: str, *, source: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.source = source


class StoreAway(PipelineError):
    """The state store did not answer in time or refused the connection."""


class RowUnreadable(StoreAway):
    """One row of the state store is in no form that we have written. The store is there for all others."""


class BrokerAway(PipelineError):
    """Kafka did not answer in time or refused the connection."""


class CommitRefused(PipelineError):
    """The group has rebalanced since: these partitions may have another owner."""


class CannotGoOn(PipelineError):
    """The process cannot do its work any more. A restart may mend it; records in hand stay unfinished."""


class TopicMismatch(PipelineError):
    """One or more topics are not as they must be. The text names topic, found, wanted and the command that mends it."""


class Scope(StrEnum):
    """How far a failure reaches: what a breaker closes off."""

    PROVIDER = "provider"  # everything through this provider
    ROUTE = "route"  # this provider in this country
    NOTHING = "nothing"  # says nothing about the provider


class Outcome(StrEnum):
    """How one hand-over to one provider ended."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    REFUSED = "refused"
    REJECTED = "rejected"
    UNDELIVERABLE = "undeliverable"
    MALFORMED = "malformed"


HANDED_OVER: Final = frozenset({Outcome.ACCEPTED, Outcome.UNKNOWN})  # the provider has it, or may have it


class ProviderError(PipelineError):
    """A hand-over that did not succeed.

    `code` is the provider's own word or number (never free text, which may echo the code or the number), or a
    short word of ours such as `connect_failed`; `retry_after_s` is the wait the provider asked for, capped.
    """

    outcome: ClassVar[Outcome]
    scope: Scope = Scope.NOTHING  # what the failure counts against
    opens_breaker: ClassVar[bool] = False  # at once, without counting

    def __init__(self, code: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{type(self).__name__}({code})")
        self.code = code
        self.retry_after_s = retry_after_s


class NotSent(ProviderError):
    """Stopped by ourselves before any byte left: it says nothing about the provider."""

    outcome = Outcome.NOT_SENT


class Throttled(ProviderError):
    """The provider asks us to slow down. The message was not processed."""

    outcome = Outcome.THROTTLED
    scope = Scope.PROVIDER


class RecipientThrottled(Throttled):
    """This recipient had too many messages: no other one is concerned."""

    scope = Scope.NOTHING


class Unavailable(ProviderError):
    """The provider failed, and the message was certainly not taken."""

    outcome = Outcome.UNAVAILABLE
    scope = Scope.PROVIDER


class AcceptanceUnknown(ProviderError):
    """Bytes left and no usable answer came: the message may have been taken."""

    outcome = Outcome.UNKNOWN
    scope = Scope.PROVIDER


class Misconfigured(ProviderError):
    """Our credential or our account is refused, or has no funds."""

    outcome = Outcome.MISCONFIGURED
    scope = Scope.PROVIDER
    opens_breaker = True


class RouteRefused(Misconfigured):
    """Our sender, our registration or this country: the provider works elsewhere."""

    scope = Scope.ROUTE


class Refused(ProviderError):
    """The provider does not want the message, in words that nobody here knows. Its fault until others refuse too."""

    outcome = Outcome.REFUSED
    scope = Scope.ROUTE


class Rejected(ProviderError):
    """This destination can never be reached: invalid, opted out, blocked as fraud."""

    outcome = Outcome.REJECTED


class Undeliverable(ProviderError):
    """This provider cannot reach the destination; another one may."""

    outcome = Outcome.UNDELIVERABLE


class Malformed(ProviderError):
    """Our payload is wrong, by a listed word about its text, length or encoding."""

    outcome = Outcome.MALFORMED

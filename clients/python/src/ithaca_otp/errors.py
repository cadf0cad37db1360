"""Every error of both clients, each saying by its class what to do about it.

OtpError
 |- Refused          final: change what `detail` names; `type` is for programs
 |   |- Invalid      a field is wrong: `field` names it
 |   |- NotFound     no such request of this caller, or none yet: it takes some ms after the ask
 |   |- TooSoon      a resend: ask again after `retry_after_s`
 |   |- Over         a resend: no further message can be sent, ask for a new code; `type` says why
 |- Failed           a fault, no Ithaca, or no right: `detail` says what to do, and repeating is of no use
 |- Unavailable      nobody knows whether it was done: repeat it, an ask with the same `key`

None of them has a number, a code or a key in its text.
"""

from enum import StrEnum


class ProblemType(StrEnum):
    """What kind of refusal it is. The words never change their meaning; there may be more one day."""

    ABOUT_BLANK = "about:blank"  # nothing beyond what the status says
    INVALID_FIELD = "urn:ithaca:problem:invalid-field"  # `field` names it
    KEY_REUSED = "urn:ithaca:problem:key-reused"  # this idempotency key came with another body before
    NO_SUCH_REQUEST = "urn:ithaca:problem:no-such-request"  # of this caller, or none yet
    TOO_SOON = "urn:ithaca:problem:too-soon"  # after the last message
    VERIFIED = "urn:ithaca:problem:verified"  # the code has been entered
    SUPERSEDED = "urn:ithaca:problem:superseded"  # a newer request took its place
    TOO_LATE = "urn:ithaca:problem:too-late"  # no further message would arrive within the life of the code
    OUT_OF_ATTEMPTS = "urn:ithaca:problem:out-of-attempts"  # as many messages were sent as may be


class OtpError(Exception):
    """The root of all errors of this client."""


class Refused(OtpError):
    """Ithaca, or this client before it, says no, and will say so again.

    `type` is one of ProblemType or a word that is newer than this client; `status` the HTTP status, none where
    nothing was sent; `field` the one that is wrong, where it is one;
    `retry_after_s` how long to wait, where that helps.
    """

    def __init__(
        self,
        detail: str,
        *,
        type: str = ProblemType.ABOUT_BLANK,  # noqa: A002 - RFC 9457 calls it so
        status: int | None = None,
        field: str | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.type = type
        self.status = status
        self.field = field
        self.retry_after_s = retry_after_s


class Invalid(Refused):
    """A field is wrong, and nothing was accepted."""


class NotFound(Refused):
    """No such request of this caller, or none that a dispatcher has seen yet."""


class TooSoon(Refused):
    """Another message may be asked for after `retry_after_s` seconds."""


class Over(Refused):
    """Verified, superseded, too late or out of attempts: ask for a new code."""


class Failed(OtpError):
    """What answers has a fault, is no Ithaca, or gives no right. It is not known whether an ask was accepted."""

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class Unavailable(OtpError):
    """No answer that decides, within the time that there was.

    `key` is what to repeat an ask with, as `idempotency_key` over HTTP and as `request_id` on Kafka: however often it
    is repeated, one message is sent. `retry_after_s` is the wait that the server asked for, where it did.
    """

    def __init__(self, detail: str, *, key: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.key = key
        self.retry_after_s = retry_after_s

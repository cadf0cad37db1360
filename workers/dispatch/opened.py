"""A request whose record was decoded and unsealed: everything that an attempt needs, in worker memory only."""

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dispatch.life import Life
from pipeline.message.phone import Phone
from pipeline.records import Attempt, OtpRequest, Retry
from pipeline.settings import CallerSettings


class OpenedRequest(Struct, frozen=True, kw_only=True):
    """One request on its way."""

    request: OtpRequest  # always sealed
    caller: CallerSettings
    phone: Phone
    kid: str
    life: Life
    attempts: tuple[Attempt, ...]  # oldest first
    source: str  # topic/partition/offset: what a claim is bound to
    asked_ms: int  # when its record was appended, in broker time
    waiting: str | None = None  # the trigger of the attempt that it comes back for
    own: str = ""  # keyed hash of the caller's own code; nothing where the code is derived
    redriven: int = 0  # the attempts up to this number were made before an operator's redrive, and count no more

    def __repr__(self) -> str:
        return f"OpenedRequest({self.request.request_id})"

    @property
    def tried(self) -> list[str]:
        """Name the providers that it has been through, oldest first."""
        return [attempt.provider for attempt in self.counted]

    @property
    def counted(self) -> tuple[Attempt, ...]:
        """Give the attempts that count, oldest first."""
        return tuple(attempt for attempt in self.attempts if attempt.number > self.redriven)

    def with_attempt(self, attempt: Attempt) -> "OpenedRequest":
        """Give the request with one more attempt, or with that attempt's newer word."""
        earlier = tuple(known for known in self.attempts if known.number < attempt.number)
        return self.with_attempts((*earlier, attempt))

    def with_attempts(self, attempts: tuple[Attempt, ...]) -> "OpenedRequest":
        """Give the request with these attempts, which waits for none any more."""
        return replace(self, attempts=attempts, waiting=None)

    def retry(self, waiting: str | None) -> Retry:
        """Give the record that brings this request back.

        One that only waits for a provider goes on under the same source, and so with the same claims: whatever a
        crash left of the attempt that it waits for is found again.
        """
        return Retry(
            request=self.request,
            number_hash=self.phone.hash,
            country=self.phone.country,
            kid=self.kid,
            starts_at=self.life.starts_at,
            deadline_at=self.life.deadline_at,
            attempts=self.attempts,
            waiting=waiting,
            source=self.source if waiting else None,
            redriven=self.redriven,
        )

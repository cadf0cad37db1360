"""A record, opened: everything that an attempt needs, in worker memory only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dispatch.retry import Life
from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.codes import CodeBasis, bare, check_own, derive
from pipeline.message.phone import Phone, is_sealed, keyed_hash, read_phone, seal, unseal
from pipeline.records import LONGEST_LIFE, Attempt, OtpRequest, Retry, decode
from pipeline.settings import CallerSettings, Secret, Settings
from workers.loop import Record

SHORTEST_LIFE: Final = timedelta(seconds=1)  # the unit of what providers are told


class Case(Struct, frozen=True, kw_only=True):
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
        return f"Case({self.request.request_id})"

    @property
    def tried(self) -> list[str]:
        """Name the providers that it has been through, oldest first."""
        return [attempt.provider for attempt in self.counted]

    @property
    def counted(self) -> tuple[Attempt, ...]:
        """Give the attempts that count, oldest first."""
        return tuple(attempt for attempt in self.attempts if attempt.number > self.redriven)

    def with_attempt(self, attempt: Attempt) -> "Case":
        """Give the case with one more attempt, or with that attempt's newer word."""
        earlier = tuple(known for known in self.attempts if known.number < attempt.number)
        return self.with_attempts((*earlier, attempt))

    def with_attempts(self, attempts: tuple[Attempt, ...]) -> "Case":
        """Give the case with these attempts, which waits for none any more."""
        return replace(self, attempts=attempts, waiting=None)

    def retry(self, waiting: str | None) -> Retry:
        """Give the record that brings this case back.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens records with the keys of the settings."""

    settings: Settings
    number_key: Secret = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number_key", next(iter(self.settings.keys.numbers.values())))

    def request(self, record: Record) -> Case:
        """Open a record of `otp.requests`. Raises InvalidMessage."""
        request = decode(OtpRequest, record.value)
        caller = self._caller(request)
        own = self._own(request, caller)
        phone, sealed = self._phone(request, caller)
        return Case(
            request=sealed,
            caller=caller,
            phone=phone,
            kid=next(iter(self.settings.keys.codes)),
            life=life_of(request, datetime.fromtimestamp(record.timestamp_ms / 1000, tz=UTC)),
            attempts=(),
            source=source_of(record),
            asked_ms=record.timestamp_ms,
            own=own,
        )

    def retry(self, record: Record) -> Case:
        """Open a record of a retry tier. Raises InvalidMessage."""
        retry = decode(Retry, record.value)
        caller = self._caller(retry.request)
        phone, sealed = self._phone(retry.request, caller)
        return Case(
            request=sealed,
            caller=caller,
            phone=phone,
            kid=retry.kid,
            life=Life(starts_at=retry.starts_at, deadline_at=retry.deadline_at),
            attempts=retry.attempts,
            source=retry.source or source_of(record),
            asked_ms=record.timestamp_ms,
            waiting=retry.waiting,
            own=self._own(retry.request, caller),
            redriven=retry.redriven,
        )

    def code(self, case: Case) -> str:
        """Derive the code of a case, or open the caller's own. Raises InvalidMessage."""
        request = case.request
        if request.code is not None:
            return _own_code(request.code, request, case.caller.seal_keys)
        basis = CodeBasis(
            request_id=request.request_id,
            number_hash=case.phone.hash,
            caller=request.caller,
            issued_at=request.issued_at,
        )
        return derive(self._master(case.kid), basis, self.settings.otp.digits)

    def _own(self, request: OtpRequest, caller: CallerSettings) -> str:
        """Hash a code of the caller's own, or give nothing where there is none: it goes nowhere unless it is one."""
        if request.code is None:
            return ""
        code = _own_code(request.code, request, caller.seal_keys)
        return keyed_hash(f"{request.request_id} {bare(code)}", self.number_key)

    def _master(self, kid: str) -> Secret:
        try:
            return self.settings.keys.codes[kid]
        except KeyError:
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the code's master key is not in the key ring") from None

    def _caller(self, request: OtpRequest) -> CallerSettings:
        try:
            return self.settings.callers[request.caller]
        except KeyError:
            detail = "no such caller in the settings"
            raise InvalidMessage(DeadReason.UNKNOWN_CALLER, detail, source=request.caller) from None

    def _phone(self, request: OtpRequest, caller: CallerSettings) -> tuple[Phone, OtpRequest]:
        """Open the number; a plain one, where it is allowed, is sealed before it goes on any other topic."""
        if is_sealed(request.to):
            number = _unseal("to", request.to, request, caller.seal_keys)
            return self._read(number, request), request
        if not self.settings.otp.plain_numbers:
            detail = "`to` must be sealed (the setting otp.plain_numbers allows plain ones in development)"
            raise InvalidMessage(DeadReason.PLAIN_NUMBER, detail, source=request.caller)
        phone = self._read(request.to, request)
        kid, key = next(iter(caller.seal_keys.items()))
        sealed = seal(phone.e164, caller=request.caller, request_id=request.request_id, kid=kid, key=key)
        return phone, replace(request, to=sealed)

    def _read(self, number: str, request: OtpRequest) -> Phone:
        premium = self.settings.otp.premium_numbers
        return read_phone(number, self.number_key, source=request.caller, premium=premium)


def life_of(request: OtpRequest, appended_at: datetime) -> Life:
    """Give the life of a code in broker time.

    A producer's clock may be wrong: the code never lives longer than it says, counted from the record's append.
    Raises InvalidMessage when the life is not between 1 and 600 s.
    """
    span = request.expires_at - request.issued_at
    if not SHORTEST_LIFE <= span <= LONGEST_LIFE:
        detail = "`expires_at` must be 1 to 600 s after `issued_at`"
        raise InvalidMessage(DeadReason.INVALID_FIELD, detail, source=request.caller)
    deadline_at = min(request.expires_at, appended_at + span)
    return Life(starts_at=deadline_at - span, deadline_at=deadline_at)


def source_of(record: Record) -> str:
    """Name the record that a claim is bound to."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def _own_code(sealed: str, request: OtpRequest, keys: Mapping[str, Secret]) -> str:
    """Open a code of the caller's own. Raises InvalidMessage when it is not sealed, or does not look like one."""
    if not is_sealed(sealed):
        raise InvalidMessage(DeadReason.SEAL_BROKEN, "`code` is not sealed", source=request.caller)
    return check_own(_unseal("code", sealed, request, keys), source=request.caller)


def _unseal(field: str, sealed: str, request: OtpRequest, keys: Mapping[str, Secret]) -> str:
    try:
        return unseal(sealed, caller=request.caller, request_id=request.request_id, keys=keys)
    except InvalidMessage as error:
        raise InvalidMessage(error.reason, f"`{field}`: {error.detail}", source=error.source) from None

"""A record of dispatch -> the opened request: decoded, its caller known, its number and code unsealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from pipeline.dispatch.life import Life, life_of
from pipeline.errors import DeadReason, InvalidMessage
from pipeline.message.codes import CodeBasis, bare, check_own, derive
from pipeline.message.phone import Phone, is_sealed, keyed_hash, read_phone, seal, unseal
from pipeline.records import OtpRequest, Retry, decode
from pipeline.settings import CallerSettings, Secret, Settings
from workers.dispatch.opened import OpenedRequest
from workers.loop import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealer:
    """Decodes records and unseals what is in them, with the keys of the settings."""

    settings: Settings
    number_key: Secret = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number_key", next(iter(self.settings.keys.numbers.values())))

    def request(self, record: Record) -> OpenedRequest:
        """Read a record of `otp.requests`. Raises InvalidMessage."""
        request = decode(OtpRequest, record.value)
        caller = self._caller(request)
        own = self._own(request, caller)
        phone, sealed = self._phone(request, caller)
        return OpenedRequest(
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

    def retry(self, record: Record) -> OpenedRequest:
        """Read a record of a retry tier. Raises InvalidMessage."""
        retry = decode(Retry, record.value)
        caller = self._caller(retry.request)
        phone, sealed = self._phone(retry.request, caller)
        return OpenedRequest(
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

    def code(self, opened: OpenedRequest) -> str:
        """Derive the code of a request, or unseal the caller's own. Raises InvalidMessage."""
        request = opened.request
        if request.code is not None:
            return _own_code(request.code, request, opened.caller.seal_keys)
        basis = CodeBasis(
            request_id=request.request_id,
            number_hash=opened.phone.hash,
            caller=request.caller,
            issued_at=request.issued_at,
        )
        return derive(self._master(opened.kid), basis, self.settings.otp.digits)

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
        """Unseal the number; a plain one, where it is allowed, is sealed before it goes on any other topic."""
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


def source_of(record: Record) -> str:
    """Name the record that a claim is bound to."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def _own_code(sealed: str, request: OtpRequest, keys: Mapping[str, Secret]) -> str:
    """Unseal a code of the caller's own. Raises InvalidMessage when it is not sealed, or does not look like one."""
    if not is_sealed(sealed):
        raise InvalidMessage(DeadReason.SEAL_BROKEN, "`code` is not sealed", source=request.caller)
    return check_own(_unseal("code", sealed, request, keys), source=request.caller)


def _unseal(field: str, sealed: str, request: OtpRequest, keys: Mapping[str, Secret]) -> str:
    try:
        return unseal(sealed, caller=request.caller, request_id=request.request_id, keys=keys)
    except InvalidMessage as error:
        raise InvalidMessage(error.reason, f"`{field}`: {error.detail}", source=error.source) from None

"""One real message to a provider and its receipts, without the dispatcher; and the exact request of it."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, quote_plus

import orjson

from pipeline.errors import InvalidMessage, ProviderError, SettingsError
from pipeline.message.phone import read_phone
from pipeline.proof.callback_token import CallbackToken, issue
from pipeline.proof.idempotency import ID_BYTES, request_id
from pipeline.records import Receipt, ReceiptState, decode
from pipeline.records.topics import RECEIPTS
from pipeline.settings import ProviderSettings, Settings
from pipeline.settings.countries import for_country
from pipeline.settings.show import config_hash
from providers import provider_of
from providers.base import HttpRequest
from providers.seam import Sms
from workers.kafka import KafkaAdmin
from workers.loop import Record

TEXT: Final = "Ithaca test message. No code is in it."
VALIDITY_S: Final = 300
LAST_WORDS: Final = frozenset(ReceiptState) - {ReceiptState.ENROUTE, ReceiptState.UNKNOWN}
BLANK: Final = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened."""

    what: str  # accepted, refused, receipt
    detail: str
    after_s: float  # since the request was sent
    good: bool = True  # false: the end, and not a delivery
    delivered: bool = False


def message(settings: Settings, name: str, number: str) -> Sms:
    """Make the message. Raises SettingsError when the number is none."""
    ours = settings.providers[name]
    country = _country(settings, number)
    token = CallbackToken(
        request_id=request_id(secrets.token_bytes(ID_BYTES)),
        number=1,
        provider=name,
        country=country,
        sent_at=datetime.now(UTC),
        config=config_hash(settings),
    )
    reference = issue(token, settings.keys.tokens)
    return Sms(
        attempt_id=f"{token.request_id}.1",
        to=number,
        text=TEXT,
        sender=for_country(ours.senders, country),
        pool=for_country(ours.pools, country),
        country=country,
        callback_url=f"{settings.receipts.public_url}/receipts/{name}/{reference}",
        reference=reference,
        validity_s=VALIDITY_S,
        timeout_s=ours.timeout_s,
        send_before=float("inf"),
    )


async def steps(settings: Settings, name: str, sms: Sms, wait_s: float) -> AsyncIterator[Step]:
    """Send it, then give the receipts that the receipts process writes, until the last word. Raises BrokerAway."""
    provider = provider_of(settings, name)
    try:
        async with KafkaAdmin(settings.kafka) as admin, admin.following(RECEIPTS.name) as records:
            began = time.monotonic()
            try:
                accepted = await provider.send(sms)
            except ProviderError as error:
                yield Step(what="refused", detail=str(error), after_s=time.monotonic() - began, good=False)
                return
            yield Step(what="accepted", detail=f"as {accepted.message_id}", after_s=time.monotonic() - began)
            async with aclosing(_receipts(records, sms, wait_s)) as receipts:
                async for receipt in receipts:
                    yield _step(receipt, time.monotonic() - began)
    finally:
        await provider.close()


async def _receipts(records: AsyncIterator[Record], sms: Sms, wait_s: float) -> AsyncGenerator[Receipt, None]:
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            async for record in records:
                with suppress(InvalidMessage):
                    receipt = decode(Receipt, record.value)
                    if f"{receipt.request_id}.{receipt.number}" == sms.attempt_id:
                        yield receipt
                        if receipt.state in LAST_WORDS:
                            return


def _step(receipt: Receipt, after_s: float) -> Step:
    error = f", error {receipt.code}" if receipt.code else ""
    delivered = receipt.state is ReceiptState.DELIVERED
    return Step(
        what="receipt",
        detail=f"{receipt.state} ({receipt.raw}){error}",
        after_s=after_s,
        good=delivered or receipt.state not in LAST_WORDS,
        delivered=delivered,
    )


def request_of(settings: Settings, name: str, sms: Sms) -> HttpRequest:
    """Give the exact request, its secrets blanked."""
    request = provider_of(settings, name).build_request(sms)
    secret = list(_secrets(settings.providers[name]))
    return HttpRequest(
        method=request.method,
        url=_blanked(request.url, secret),
        headers={key: _header(key, value, secret) for key, value in request.headers.items()},
        body=_blanked(request.body.decode(), secret).encode(),
    )


def _header(name: str, value: str, secret: list[str]) -> str:
    if name.lower() == "authorization":
        return f"{value.partition(' ')[0]} {BLANK}"
    return _blanked(value, secret)


def _secrets(ours: ProviderSettings) -> Iterator[str]:
    for key in (ours.credential, *ours.webhook_keys.values()):
        if key:
            text = key.reveal().decode(errors="replace")
            yield from (text, quote(text, safe=""), quote_plus(text), orjson.dumps(text)[1:-1].decode())


def _blanked(text: str, secret: list[str]) -> str:
    for one in secret:
        text = text.replace(one, BLANK)
    return text


def _country(settings: Settings, number: str) -> str:
    try:
        return read_phone(number, next(iter(settings.keys.numbers.values())), premium=True).country
    except InvalidMessage:
        raise SettingsError("--to: is no phone number in E.164; write it like +447700900123") from None


def shown(request: HttpRequest) -> Mapping[str, object]:
    """Give a request as JSON shows it."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "body": request.body.decode(),
    }

"""Providers' callbacks -> `otp.receipts`, and the newest state of each attempt into its row."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from pipeline.callback_token import CallbackToken, verify
from pipeline.errors import DeadReason, InvalidMessage, StoreAway
from pipeline.phone import redact
from pipeline.records import Receipt
from pipeline.settings import Settings
from pipeline.topics import RECEIPTS
from providers import ADAPTERS
from providers.base import Callback, Provider, ProviderReceipt
from workers.log import get_log
from workers.state.checks import ReceiptVerdict
from workers.web.parts import Parts, connected
from workers.web.problems import Problem, read_body
from workers.web.serving import json, new_app, serve

LONGEST_LIFE: Final = timedelta(seconds=600)  # of a code; its row lives longer

# What refuses a callback, in the provider's eyes; all else is a callback that cannot be read.
REFUSALS: Final[Mapping[DeadReason, HTTPStatus]] = {
    DeadReason.SEAL_BROKEN: HTTPStatus.UNAUTHORIZED,  # forged: our token or the provider's signature
    DeadReason.EXPIRED: HTTPStatus.GONE,  # the token is over
}

log = get_log("receipts")


class Receipts:
    """`POST` and `GET /receipts/{provider}/{token}`."""

    def __init__(self, parts: Parts, providers: Mapping[str, Provider]) -> None:
        self._public_url = parts.settings.receipts.public_url
        self._keys = parts.settings.keys.tokens
        self._providers = providers
        self._publisher = parts.publisher
        self._checks = parts.checks
        self._clock = parts.clock
        self.counts: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.Response:
        """Take a callback: 200 only after Kafka has its receipts, so that a provider repeats what we do not have."""
        until = self._publisher.limit()
        token, receipts = await self._read(request)
        for receipt in receipts:
            await self._record(token, receipt, until)
        return json({"receipts": len(receipts)})

    async def _read(self, request: web.Request) -> tuple[CallbackToken, tuple[ProviderReceipt, ...]]:
        """Prove that the callback belongs to an attempt of ours and comes from its provider. Raises Problem."""
        try:
            token, provider = self._owner(request)
            callback = Callback(
                method=request.method,
                url=self._public_url + request.raw_path,
                headers=request.headers,
                body=await read_body(request),
            )
            return token, provider.read_receipts(callback)
        except InvalidMessage as error:
            self._count(f"refused_{error.reason}")
            raise Problem(REFUSALS.get(error.reason, HTTPStatus.BAD_REQUEST), error.detail) from None

    def _owner(self, request: web.Request) -> tuple[CallbackToken, Provider]:
        token = verify(request.match_info["token"], self._keys, self._clock.now())
        provider = self._providers.get(token.provider)
        if provider is None or request.match_info["provider"] != token.provider:
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback token is another provider's")
        return token, provider

    async def _record(self, token: CallbackToken, receipt: ProviderReceipt, until: float) -> None:
        verdict = await self._peek(token, receipt)
        self._count(verdict or "store_away")
        if verdict is ReceiptVerdict.KNOWN or (verdict is ReceiptVerdict.STRANGER and self._is_old(token)):
            return
        await self._publisher.publish(RECEIPTS, self._receipt(token, receipt), until=until)
        if verdict is ReceiptVerdict.ADVANCED:
            await self._write(token, receipt)

    def _is_old(self, token: CallbackToken) -> bool:
        """Tell whether the row may simply be over: then nothing tells a first receipt from its hundredth copy.

        While the code may live, an attempt without a row is one that the store has lost or not got yet, and its
        receipt is as good as any: our token says that it is ours.
        """
        return self._clock.now() - token.sent_at > LONGEST_LIFE

    async def _peek(self, token: CallbackToken, receipt: ProviderReceipt) -> ReceiptVerdict | None:
        try:
            return await self._checks.receipt(token.request_id, token.number, receipt.state, write=False)
        except StoreAway:
            return None

    async def _write(self, token: CallbackToken, receipt: ProviderReceipt) -> None:
        try:
            await self._checks.receipt(token.request_id, token.number, receipt.state, write=True)
        except StoreAway:
            # The topic has it. The row stays behind, so a second look may send once more: the same code.
            log.warning("receipt.row_not_written", request_id=token.request_id, attempt=token.number)

    def _receipt(self, token: CallbackToken, receipt: ProviderReceipt) -> Receipt:
        return Receipt(
            request_id=token.request_id,
            number=token.number,
            provider=token.provider,
            country=token.country,
            state=receipt.state,
            raw=redact(receipt.raw),
            code=redact(receipt.code) if receipt.code else None,
            message_id=receipt.message_id,
            sent_at=token.sent_at,
            received_at=self._clock.now(),
            config=token.config,
        )

    def _count(self, what: str) -> None:
        """Count, and log each time the count has doubled: a flood of forged callbacks is no flood of log lines."""
        self.counts[what] += 1
        count = self.counts[what]
        if what != ReceiptVerdict.ADVANCED and count & (count - 1) == 0:
            log.warning("receipt.unusual", reason=what, count=count)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, TopicMismatch, and CannotGoOn when the producer is broken."""
    providers = {name: ADAPTERS[account.adapter](name, account) for name, account in settings.providers.items()}
    async with connected(settings) as parts:
        await serve(build_app(parts, providers), "receipts", parts, stop)


def build_app(parts: Parts, providers: Mapping[str, Provider]) -> web.Application:
    """Wire the process."""
    receipts = Receipts(parts, providers)
    app = new_app(parts)
    app.router.add_post("/receipts/{provider}/{token}", receipts.take)
    app.router.add_get("/receipts/{provider}/{token}", receipts.take, allow_head=False)
    return app

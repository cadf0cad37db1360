"""Providers' callbacks -> `otp.receipts`, and the newest state of each attempt into its row."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from pipeline.errors import DeadReason, InvalidMessage, ProviderError, StoreAway
from pipeline.evidence.late_receipts import is_lost, useful_for, whole
from pipeline.message.phone import redact
from pipeline.proof.callback_token import CallbackToken, fits, verify
from pipeline.records import Receipt, ReceiptState
from pipeline.records.topics import RECEIPTS
from pipeline.settings import Settings
from providers import providers_of
from providers.seam import Callback, Provider, ProviderReceipt
from workers.log import get_log
from workers.metrics import Metrics, Sample
from workers.metrics.definitions import CALLBACKS, CODES_IN_TIME, RECEIPT_SECONDS, RECEIPTS_TAKEN
from workers.state.checks import ReceiptVerdict, Reported
from workers.web.parts import Parts, connected
from workers.web.problems import Problem, read_body
from workers.web.serving import json, new_app, serve

# What refuses a callback, in the provider's eyes; all else is a callback that cannot be read.
REFUSALS: Final[Mapping[DeadReason, HTTPStatus]] = {
    DeadReason.SEAL_BROKEN: HTTPStatus.UNAUTHORIZED,  # forged: our token or the provider's signature
    DeadReason.EXPIRED: HTTPStatus.GONE,  # the token is over
}

log = get_log("receipts")


class Receipts:
    """`POST` and `GET /receipts/{provider}/{token}`, and without the token for providers with one fixed address."""

    def __init__(self, parts: Parts, providers: Mapping[str, Provider]) -> None:
        self._public_url = parts.settings.receipts.public_url
        self._keys = parts.settings.keys.tokens
        self._providers = providers
        self._publisher = parts.publisher
        self._checks = parts.checks
        self._clock = parts.clock
        self._metrics = parts.metrics
        self.counts: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.Response:
        """Take a callback: 200 only after Kafka has its receipts, so that a provider repeats what we do not have."""
        until = self._publisher.limit()
        receipts = await self._read(request)
        for token, receipt in receipts:
            await self._record(token, receipt, until)
        return json({"receipts": len(receipts)})

    async def _read(self, request: web.Request) -> list[tuple[CallbackToken, ProviderReceipt]]:
        """Prove that a callback comes from its provider and belongs to attempts of ours. Raises Problem."""
        try:
            provider, text = self._owner(request)
            callback = Callback(
                method=request.method,
                url=self._public_url + request.raw_path,
                headers=request.headers,
                body=await read_body(request),
                received_at=self._clock.now().timestamp(),
            )
            return self._ours(provider, await provider.receive(callback), text)
        except InvalidMessage as error:
            self._count(f"refused_{error.reason}")
            raise Problem(REFUSALS.get(error.reason, HTTPStatus.BAD_REQUEST), error.detail) from None
        except ProviderError:
            self._count("proof_unavailable")
            detail = "what proves this callback cannot be had now: repeat it"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None

    def _ours(
        self, provider: Provider, receipts: Sequence[ProviderReceipt], text: str | None
    ) -> list[tuple[CallbackToken, ProviderReceipt]]:
        """Give the receipts of attempts of ours. Of several, one that is wrong is counted, and the others are taken.

        Raises InvalidMessage where nothing is right. Else the answer is 200: a repeat would bring the same again.
        """
        found, wrong = [], []
        for receipt in receipts:
            try:
                token = self._token(provider, receipt, text)
            except InvalidMessage as error:
                wrong.append(error)
            else:
                found += [(token, receipt)] if token else []
        if wrong and not found:
            raise wrong[0]
        self._count(*(f"refused_{one.reason}" for one in wrong))
        return found

    def _owner(self, request: web.Request) -> tuple[Provider, str | None]:
        """Give the provider that is called, and the token in the URL, where there is one."""
        text = request.match_info.get("token")
        provider = self._providers.get(request.match_info["provider"])
        if provider is None or (text and verify(text, self._keys, self._clock.now()).provider != provider.name):
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback token is another provider's")
        return provider, text

    def _token(self, provider: Provider, receipt: ProviderReceipt, text: str | None) -> CallbackToken | None:
        """Give the token that a receipt belongs to. None: a genuine receipt of a message that was never ours.

        Where the provider has signed a reference too, it must be of the same attempt as the URL.
        """
        if text is None:
            return self._foreign(provider, receipt.reference or "")
        if not fits(receipt.reference, text):
            raise InvalidMessage(DeadReason.SEAL_BROKEN, "the callback is of another attempt than its address")
        return verify(text, self._keys, self._clock.now())

    def _foreign(self, provider: Provider, reference: str) -> CallbackToken | None:
        try:
            token = verify(reference, self._keys, self._clock.now())
        except InvalidMessage:
            token = None
        if token is None or token.provider != provider.name:
            self._count(ReceiptVerdict.STRANGER)
            return None
        return token

    async def _record(self, token: CallbackToken, receipt: ProviderReceipt, until: float) -> None:
        if await self._is_replay(token, receipt):
            self._count("replayed")
            return
        reported = await self._peek(token, receipt)
        verdict = reported.verdict if reported else None
        self._count(verdict or "store_away")
        if verdict is ReceiptVerdict.KNOWN or (verdict is ReceiptVerdict.STRANGER and self._is_lost(token, receipt)):
            await self._remember(token, receipt)  # its proof must not serve for another word later
            return
        record = self._receipt(token, receipt, (reported and reported.state) or whole(receipt.state, receipt.part))
        await self._publisher.publish(RECEIPTS, record, until=until)
        _tell(self._metrics, record, reported)
        if verdict is ReceiptVerdict.ADVANCED:
            await self._write(token, receipt)
        await self._remember(token, receipt)

    async def _is_replay(self, token: CallbackToken, receipt: ProviderReceipt) -> bool:
        """Tell whether this very callback has come before, by the nonce of its scheme."""
        if not receipt.nonce:
            return False
        with suppress(StoreAway):
            return await self._checks.nonce_is_used(token.provider, receipt.nonce)
        return False

    async def _remember(self, token: CallbackToken, receipt: ProviderReceipt) -> None:
        """Note the nonce: after Kafka has the receipt, or a repeat of what we do not have would be dropped."""
        life = token.sent_at + useful_for(receipt.state) - self._clock.now()
        if receipt.nonce and life > timedelta(0):
            with suppress(StoreAway):
                await self._checks.use_nonce(token.provider, receipt.nonce, life)

    def _is_lost(self, token: CallbackToken, receipt: ProviderReceipt) -> bool:
        return is_lost(receipt.state, self._clock.now() - token.sent_at, has_nonce=bool(receipt.nonce))

    async def _peek(self, token: CallbackToken, receipt: ProviderReceipt) -> Reported | None:
        try:
            return await self._ask(token, receipt, write=False)
        except StoreAway:
            return None

    async def _ask(self, token: CallbackToken, receipt: ProviderReceipt, *, write: bool) -> Reported:
        state, part = receipt.state, receipt.part
        return await self._checks.receipt(token.request_id, token.number, state, write=write, part=part)

    async def _write(self, token: CallbackToken, receipt: ProviderReceipt) -> None:
        try:
            reported = await self._ask(token, receipt, write=True)
        except StoreAway:
            # The topic has it. The row stays behind, so a second look may send once more: the same code.
            log.warning("receipt.row_not_written", request_id=token.request_id, attempt=token.number)
            return
        if reported.in_time:
            self._metrics.count(CODES_IN_TIME, token.country)

    def _receipt(self, token: CallbackToken, receipt: ProviderReceipt, state: ReceiptState) -> Receipt:
        return Receipt(
            request_id=token.request_id,
            number=token.number,
            provider=token.provider,
            country=token.country,
            state=state,
            raw=redact(receipt.raw),
            code=redact(receipt.code) if receipt.code else None,
            message_id=receipt.message_id,
            sent_at=token.sent_at,
            received_at=self._clock.now(),
            config=token.config,
        )

    def _count(self, *reasons: str) -> None:
        """Count, and log each time the count has doubled: a flood of forged callbacks is no flood of log lines."""
        for what in reasons:
            self.counts[what] += 1
            count = self.counts[what]
            if what != ReceiptVerdict.ADVANCED and count & (count - 1) == 0:
                log.warning("receipt.unusual", reason=what, count=count)


def _tell(metrics: Metrics, record: Receipt, reported: Reported | None) -> None:
    """Count a receipt that is on the topic, with the time since its code was accepted, where the row knows it."""
    metrics.count(RECEIPTS_TAKEN, record.provider, record.country, record.state)
    if record.state is ReceiptState.DELIVERED and reported and reported.issued_at:
        seconds = (record.received_at - reported.issued_at).total_seconds()
        metrics.observe(RECEIPT_SECONDS, max(seconds, 0.0), record.provider, record.country)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, TopicMismatch, and CannotGoOn when the producer is broken."""
    providers = providers_of(settings)
    async with connected(settings, "receipts") as parts:
        await serve(build_app(parts, providers), "receipts", parts, stop)


def build_app(parts: Parts, providers: Mapping[str, Provider]) -> web.Application:
    """Wire the process."""
    receipts = Receipts(parts, providers)
    app = new_app(parts)
    parts.metrics.watch(lambda: [Sample(CALLBACKS, count, (what,)) for what, count in receipts.counts.items()])
    for path in ("/receipts/{provider}/{token}", "/receipts/{provider}"):
        app.router.add_post(path, receipts.take)
        app.router.add_get(path, receipts.take, allow_head=False)
    return app

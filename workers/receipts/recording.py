"""What a receipt says: onto `otp.receipts`, and then into the row of its attempt."""

from contextlib import suppress
from datetime import timedelta

from pipeline.errors import StoreAway
from pipeline.evidence.late_receipts import is_lost, useful_for, whole
from pipeline.message.phone import redact
from pipeline.proof.callback_token import CallbackToken
from pipeline.records import Receipt, ReceiptState
from pipeline.records.topics import RECEIPTS
from providers.seam import ProviderReceipt
from workers.log import get_log
from workers.metrics import Metrics
from workers.metrics.definitions import CODES_IN_TIME, RECEIPT_SECONDS, RECEIPTS_TAKEN
from workers.receipts.counter import CallbackCounter
from workers.state.receipts import ReceiptVerdict, Reported
from workers.web.parts import Parts

log = get_log("receipts")


class Recorder:
    """Records receipts that are proved."""

    def __init__(self, parts: Parts, counter: CallbackCounter) -> None:
        self._publisher = parts.publisher
        self._rows = parts.receipt_rows
        self._clock = parts.clock
        self._metrics = parts.metrics
        self._counter = counter

    async def record(self, token: CallbackToken, receipt: ProviderReceipt, until: float) -> None:
        """Record a receipt of an attempt of ours, unless it says nothing new. Raises Problem: Kafka did not take it."""
        if await self._is_replay(token, receipt):
            self._counter.count("replayed")
            return
        reported = await self._peek(token, receipt)
        verdict = reported.verdict if reported else None
        self._counter.count(verdict or "store_away")
        if verdict is ReceiptVerdict.KNOWN or (verdict is ReceiptVerdict.STRANGER and self._is_lost(token, receipt)):
            await self._remember(token, receipt)  # its proof must not serve for another word later
            return
        record = self._receipt(token, receipt, (reported and reported.state) or whole(receipt.state, receipt.part))
        await self._publisher.publish(RECEIPTS, record, until=until)
        _count(self._metrics, record, reported)
        if verdict is ReceiptVerdict.ADVANCED:
            await self._write(token, receipt)
        await self._remember(token, receipt)

    async def _is_replay(self, token: CallbackToken, receipt: ProviderReceipt) -> bool:
        """Tell whether this very callback has come before, by the nonce of its scheme."""
        if not receipt.nonce:
            return False
        with suppress(StoreAway):
            return await self._rows.nonce_is_used(token.provider, receipt.nonce)
        return False

    async def _remember(self, token: CallbackToken, receipt: ProviderReceipt) -> None:
        """Note the nonce: after Kafka has the receipt, or a repeat of what we do not have would be dropped."""
        life = token.sent_at + useful_for(receipt.state) - self._clock.now()
        if receipt.nonce and life > timedelta(0):
            with suppress(StoreAway):
                await self._rows.use_nonce(token.provider, receipt.nonce, life)

    def _is_lost(self, token: CallbackToken, receipt: ProviderReceipt) -> bool:
        return is_lost(receipt.state, self._clock.now() - token.sent_at, has_nonce=bool(receipt.nonce))

    async def _peek(self, token: CallbackToken, receipt: ProviderReceipt) -> Reported | None:
        try:
            return await self._ask(token, receipt, write=False)
        except StoreAway:
            return None

    async def _ask(self, token: CallbackToken, receipt: ProviderReceipt, *, write: bool) -> Reported:
        state, part = receipt.state, receipt.part
        return await self._rows.receipt(token.request_id, token.number, state, write=write, part=part)

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


def _count(metrics: Metrics, record: Receipt, reported: Reported | None) -> None:
    """Count a receipt that is on the topic, with the time since its code was accepted, where the row knows it."""
    metrics.count(RECEIPTS_TAKEN, record.provider, record.country, record.state)
    if record.state is ReceiptState.DELIVERED and reported and reported.issued_at:
        seconds = (record.received_at - reported.issued_at).total_seconds()
        metrics.observe(RECEIPT_SECONDS, max(seconds, 0.0), record.provider, record.country)

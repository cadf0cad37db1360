"""The direct door, for auth services in Python: seals the number and produces the request.

async with OtpClient(kafka, caller="shop", kid="shop-1", key=key) as client:
    request = await client.ask("+447700900123", purpose="login")
"""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from pipeline.errors import BrokerAway
from pipeline.message.codes import check_own
from pipeline.message.phone import read_phone, seal
from pipeline.proof.idempotency import ID_BYTES
from pipeline.proof.idempotency import request_id as new_id
from pipeline.records import LONGEST_LIFE, OtpRequest, Verdict, Verification, decode, encode
from pipeline.records.topics import REQUESTS, VERIFICATIONS, Topic
from pipeline.settings import KafkaSettings, Secret
from workers.kafka import KafkaProducer

LONGEST_LIFE_S: Final = int(LONGEST_LIFE.total_seconds())


class OtpClient:
    """Asks for codes on Kafka. `key` is the 32 bytes that the caller shares with Ithaca under the name `kid`."""

    def __init__(self, kafka: KafkaSettings, *, caller: str, kid: str, key: Secret) -> None:
        self._kafka = kafka
        self._caller = caller
        self._kid = kid
        self._key = key
        self._producer: KafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connect to Kafka. Waits while it is away."""
        self._producer = KafkaProducer(self._kafka)
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is under way and disconnect."""
        if self._producer:
            await self._producer.stop()

    async def ask(
        self, to: str, *, purpose: str, locale: str = "en", ttl_s: int = 300, code: str | None = None
    ) -> OtpRequest:
        """Ask for a code to an E.164 number; returns when Kafka has the request for good.

        `code` is one of the caller's own, for those that check codes themselves: 6 to 10 letters and digits.
        Keep the request: its id names it at the HTTP door, and `again` needs it.
        Raises InvalidMessage and ValueError for what would end as a dead letter, BrokerAway when Kafka does not
        acknowledge within `kafka.send_timeout_s`: then it is unknown whether a message will be sent.
        """
        number = read_phone(to, self._key, premium=True).e164  # whether premium rate is allowed, dispatch knows
        if code is not None:
            check_own(code)
        if not 1 <= ttl_s <= LONGEST_LIFE_S:
            raise ValueError(f"ttl_s is {ttl_s}; a code may live 1 to {LONGEST_LIFE_S} s")
        request_id = new_id(secrets.token_bytes(ID_BYTES))
        issued_at = datetime.now(UTC)
        request = OtpRequest(
            request_id=request_id,
            caller=self._caller,
            to=self._seal(number, request_id),
            purpose=purpose,
            locale=locale,
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=ttl_s),
            code=None if code is None else self._seal(code, request_id),
        )
        return await self._produce(request)

    async def again(self, request: OtpRequest) -> OtpRequest:
        """Ask for another message with the same code, through another provider; keep what is returned.

        Sooner than `otp.resend_after_s` after the last one, or too often, it is refused on `otp.refused`.
        Raises as `ask` does.
        """
        return await self._produce(replace(request, resend=request.resend + 1))

    async def entered(self, request: OtpRequest) -> None:
        """Tell that the person has entered the caller's own code of a request: nothing is sent for it any more.

        Raises BrokerAway as `ask` does.
        """
        report = Verification(
            request_id=request.request_id, caller=self._caller, verdict=Verdict.VERIFIED, at=datetime.now(UTC)
        )
        await self._send(VERIFICATIONS, request.request_id, encode(report))

    def _seal(self, text: str, request_id: str) -> str:
        return seal(text, caller=self._caller, request_id=request_id, kid=self._kid, key=self._key)

    async def _produce(self, request: OtpRequest) -> OtpRequest:
        record = encode(request)
        decode(OtpRequest, record)  # refuses here what would be a dead letter there
        await self._send(REQUESTS, request.request_id, record)
        return request

    async def _send(self, topic: Topic, key: str, record: bytes) -> None:
        if self._producer is None:
            raise RuntimeError("use OtpClient as `async with OtpClient(...) as client:`")
        try:
            async with asyncio.timeout(self._kafka.send_timeout_s):
                await self._producer.send(topic.name, key, record)
        except TimeoutError:
            limit_s = self._kafka.send_timeout_s
            text = f"Kafka did not acknowledge within {limit_s:g} s: whether it has the record is unknown"
            raise BrokerAway(text) from None

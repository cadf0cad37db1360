"""Seals numbers, and writes requests and reports to Kafka.

async with DirectClient("kafka:9092", caller="shop", kid="shop-1", key=key) as client:
    request = await client.ask("+447700900123", purpose="login")
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ithaca_otp.direct.faults import translated
from ithaca_otp.direct.notices import EXPIRED, REFUSED, Expired, RefusedRequest, expired, notices, refused
from ithaca_otp.direct.requests import MOST_RESENDS, Request, check, invalid, new_id, report, request
from ithaca_otp.direct.seal import Sealer
from ithaca_otp.errors import Unavailable

REQUESTS: Final = "otp.requests"
VERIFICATIONS: Final = "otp.verifications"
ACKNOWLEDGED_S: Final = 2.0
_STOP_S: Final = 3.0


class DirectClient:
    """Asks for codes on the Kafka at `bootstrap` (host:port, comma-separated). An asynchronous context manager.

    `key` is the 32 bytes that the caller shares with Ithaca under the name `kid`; `prefix` stands before the names of
    topics on a shared cluster. `acknowledged_s` is how long a record waits for Kafka. `options` are passed on to
    aiokafka's producer and consumers, such as `security_protocol`, `ssl_context`, `sasl_mechanism`,
    `sasl_plain_username` and `sasl_plain_password`.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        caller: str,
        kid: str,
        key: bytes,
        prefix: str = "",
        acknowledged_s: float = ACKNOWLEDGED_S,
        **options: Any,
    ) -> None:
        check("caller", caller)
        self._sealer = Sealer(caller=caller, kid=kid, key=key)
        self._caller = caller
        self._prefix = prefix
        self._limit_s = acknowledged_s
        self._connection = {"client_id": f"ithaca-otp-{caller}", **options, "bootstrap_servers": bootstrap}
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises Unavailable when Kafka does not answer, and Failed."""
        # Without idempotence, whose lost sequence numbers end a producer for good after a long outage: Ithaca takes a
        # record that is there twice for one.
        producer = AIOKafkaProducer(**self._connection, acks="all")
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise translated(error, f"cannot connect to Kafka at {self._connection['bootstrap_servers']}") from None
        self._producer = producer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is under way and disconnect, within 3 s."""
        if self._producer:
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(_STOP_S):
                    await self._producer.stop()

    async def ask(
        self,
        to: str,
        *,
        purpose: str,
        locale: str = "en",
        ttl_s: int = 300,
        code: str | None = None,
        request_id: str | None = None,
    ) -> Request:
        """Ask for a code to an E.164 number; returns when Kafka has the request for good.

        A new request of the same number and purpose voids the one before. `code` is one of the caller's own, for those
        that check codes themselves: 6 to 10 letters and digits. `request_id` is the `key` of an ask that ended with
        Unavailable: repeated with it, one message is sent.
        Raises Invalid for what would be refused, Failed when Kafka refuses it, and Unavailable when Kafka does not
        acknowledge in time: then it is unknown whether a message will be sent.
        """
        made = request(
            self._sealer,
            request_id=request_id or new_id(),
            caller=self._caller,
            to=to,
            purpose=purpose,
            locale=locale,
            ttl_s=ttl_s,
            code=code,
            issued_at=datetime.now(UTC),
        )
        await self._send(REQUESTS, made.request_id, made.to_json())
        return made

    async def resend(self, request: Request) -> Request:
        """Ask for another message with the same code, through another provider; keep what is returned.

        Sooner than `otp.resend_after_s` after the last one, or too often, it is told of in `refused`. Raises as `ask`
        does; repeated with the same request, one message is sent.
        """
        if request.resend >= MOST_RESENDS:
            raise invalid("resend", f"is at most {MOST_RESENDS}: ask for a new code")
        again = replace(request, resend=request.resend + 1)
        await self._send(REQUESTS, again.request_id, again.to_json())
        return again

    async def entered(self, request: Request) -> None:
        """Tell that the person has entered the caller's own code of a request: nothing is sent for it any more.

        Raises Failed and Unavailable as `ask` does; it may be told again.
        """
        await self._send(VERIFICATIONS, request.request_id, report(request, datetime.now(UTC)))

    def refused(self) -> AsyncGenerator[RefusedRequest, None]:
        """Give, one after the other and without end, the records of this caller that nothing is sent for."""
        return notices(self._connection, prefix=self._prefix, topic=REFUSED, caller=self._caller, read=refused)

    def expired(self) -> AsyncGenerator[Expired, None]:
        """Give, one after the other and without end, the codes of this caller that no provider ever had."""
        return notices(self._connection, prefix=self._prefix, topic=EXPIRED, caller=self._caller, read=expired)

    async def _send(self, topic: str, key: str, record: bytes) -> None:
        if self._producer is None:
            raise RuntimeError("use DirectClient as `async with DirectClient(...) as client:`")
        try:
            async with asyncio.timeout(self._limit_s):
                await self._producer.send_and_wait(self._prefix + topic, record, key=key.encode())
        except TimeoutError:
            text = f"Kafka did not acknowledge within {self._limit_s:g} s: whether it has the record is unknown"
            raise Unavailable(f"{text}; repeat it, an ask with `request_id=error.key`", key=key) from None
        except KafkaError as error:
            raise translated(error, f"Kafka did not take a record on {self._prefix}{topic}", key=key) from None

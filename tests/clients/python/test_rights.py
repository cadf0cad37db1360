"""The direct door of the client on a broker with TLS, passwords and the rights of compose/."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ithaca_otp import Failed
from ithaca_otp.direct import DirectClient
from pipeline.errors import DeadReason
from pipeline.records import Origin, RefusedRequest, encode
from pipeline.records.topics import REFUSED, REQUESTS
from tests.clients.python.conftest import CALLER, KID, NUMBER
from tests.compose.guarded_kafka import GuardedKafka
from tests.integration.dispatching import WITHIN_S
from workers.embedded.jars import kafka_jars


@pytest.fixture
async def guarded(jars: Path, tmp_path: Path) -> AsyncIterator[GuardedKafka]:
    kafka = GuardedKafka(tmp_path, ":".join(map(str, await kafka_jars(jars))))
    try:
        await kafka.start()
        await asyncio.to_thread(kafka.allow)
        await asyncio.to_thread(kafka.create_topics)
        yield kafka
    finally:
        await kafka.stop()


def _client(kafka: GuardedKafka, user: str) -> DirectClient:
    connection = kafka.connection(user)
    return DirectClient(
        kafka.bootstrap,
        caller=CALLER,
        kid=KID,
        key=b"k" * 32,
        acknowledged_s=WITHIN_S,
        security_protocol=connection["security.protocol"],
        ssl_context=ssl.create_default_context(cafile=connection["ssl.ca.location"]),
        sasl_mechanism=connection["sasl.mechanism"],
        sasl_plain_username=connection["sasl.username"],
        sasl_plain_password=connection["sasl.password"],
    )


def _refuse(kafka: GuardedKafka, request_id: str) -> None:
    origin = Origin(topic=REQUESTS.name, partition=0, offset=0)
    reason, at = DeadReason.NO_ROUTE, datetime.now(UTC)
    record = RefusedRequest(request_id=request_id, caller=CALLER, reason=reason, detail="none", origin=origin, at=at)
    producer = Producer(kafka.connection("dispatch"))
    producer.produce(REFUSED.name, encode(record))
    assert producer.flush(WITHIN_S) == 0


async def test_caller_may_do_what_it_must_and_whoever_may_not_is_told(guarded: GuardedKafka) -> None:
    async with _client(guarded, "caller") as client, asyncio.timeout(2 * WITHIN_S):
        request = await client.ask(NUMBER, purpose="login", code="739204")
        await client.entered(await client.resend(request))
        await asyncio.to_thread(_refuse, guarded, request.request_id)
        async with aclosing(client.refused()) as refused:
            assert (await anext(refused)).request_id == request.request_id
    assert guarded.denials(["caller"]) == []

    async with _client(guarded, "receipts") as stranger:
        with pytest.raises(Failed, match=r"TopicAuthorizationFailedError; look at the names, the user and its rights"):
            await stranger.ask(NUMBER, purpose="login")
        with pytest.raises(Failed, match=r"cannot read otp\.refused in the consumer group caller\.demo\.otp\.refused"):
            await anext(stranger.refused())

"""`ithaca explain` against the real broker."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.errors import Outcome
from pipeline.records import OrderKind, ReceiptState, RouteState, encode
from pipeline.records.topics import ATTEMPTS, CONTROL, RECEIPTS, REQUESTS, ROUTES, VERIFICATIONS, Topic
from pipeline.settings import KafkaSettings
from tests.integration.statistics import ENTRY, RECEIPT, now
from tests.pipeline.orders.situations import an_order
from tests.pipeline.reports.explaining.test_request import REQUEST
from tests.samples import ATTEMPT, REQUEST_ID, a_route, a_table
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaAdmin, KafkaProducer, create_topics

A, B = "carrier-a", "carrier-b"


@pytest.fixture
async def settings(kafka: EmbeddedKafka, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=2)
    await create_topics(settings)
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        for topic, key, value in records():
            await producer.send(topic.name, key, value)
    finally:
        await producer.stop()
    return settings


def records() -> list[tuple[Topic, str, bytes]]:
    at = now()
    first = replace(ATTEMPT, sent_at=at, outcome=Outcome.UNAVAILABLE, code="503")
    second = replace(first, number=2, provider=B, trigger="failover", outcome=Outcome.ACCEPTED, code=None)
    table = a_table(
        a_route(A, 0.98, leader=True),
        a_route(B, 0.02, RouteState.BROKEN),
        decided_at=at,
        changed_at=at - timedelta(minutes=1),
        why="carrier-b in GB is broken",
    )
    later = replace(table, changed_at=at + timedelta(seconds=30), revision=8, why="carrier-b in GB delivers again")
    delivered = replace(RECEIPT, number=2, provider=B, sent_at=at, received_at=at + timedelta(seconds=4))
    order = an_order(OrderKind.BAN, B, expires_at=at + timedelta(hours=1))
    return [
        (REQUESTS, REQUEST_ID, encode(replace(REQUEST, issued_at=at))),
        (ATTEMPTS, REQUEST_ID, encode(first)),
        (ATTEMPTS, REQUEST_ID, b"no JSON"),
        (
            ATTEMPTS,
            "request-of-another-1",
            encode(replace(first, request_id="request-of-another-1", provider="carrier-c")),
        ),
        (ATTEMPTS, REQUEST_ID, encode(second)),
        (RECEIPTS, REQUEST_ID, encode(delivered)),
        (VERIFICATIONS, REQUEST_ID, encode(replace(ENTRY, at=at + timedelta(seconds=9)))),
        (ROUTES, "GB", encode(table)),
        (ROUTES, "GB", encode(later)),
        (CONTROL, order.order_id, encode(order)),
    ]


async def explain(kafka: KafkaSettings, *words: str) -> tuple[int, str, Any]:
    outside = {key: value for key, value in os.environ.items() if not key.startswith("ITHACA_")}
    ours = {"ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap, "ITHACA_KAFKA__PREFIX": kafka.prefix}
    command = [sys.executable, "-m", "workers", "explain", *words, "--json", "-"]
    done = await asyncio.to_thread(
        subprocess.run, command, env=outside | ours, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    *text, last = done.stdout.splitlines() or [""]
    return done.returncode, "\n".join(text) + done.stderr, json.loads(last) if last.startswith("{") else None


async def test_request_is_told_attempt_by_attempt_without_anything_personal(settings: KafkaSettings) -> None:
    code, text, story = await explain(settings, REQUEST_ID)
    assert code == 0, text
    assert [(one["number"], one["provider"], one["share"], one["state"]) for one in story["attempts"]] == [
        (1, A, 0.98, "normal"),
        (2, B, 0.02, "broken"),
    ]
    assert story["attempts"][1]["why"] == f"attempt 1 through {A} ended as unavailable"
    assert story["attempts"][1]["receipts"] == [{"state": ReceiptState.DELIVERED, "code": None, "after_s": 4.0}]
    assert (story["says"], story["purpose"]) == ("the code was entered and right", "login")
    assert f"attempt 2 through {B}" in text
    assert [secret for secret in (REQUEST.to, ATTEMPT.number_hash) if secret in text + json.dumps(story)] == []


async def test_country_is_told_with_its_states_and_orders(settings: KafkaSettings) -> None:
    code, text, story = await explain(settings, "--country", "GB")
    assert code == 0, text
    assert (story["mode"], story["why"]) == ("automatic", "carrier-b in GB delivers again")
    assert [(route["provider"], route["state"]) for route in story["routes"]] == [(A, "normal"), (B, "broken")]
    assert [order["kind"] for order in story["orders"]] == ["ban"]
    assert "is broken: 9 of 10 receipts due in the last 8 s arrived" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["request-of-nobody-01"], 1, "nothing is known of it since 2h ago"),
        ([], 2, "give either a request id or --country"),
        ([REQUEST_ID, "--country", "GB"], 2, "give either a request id or --country"),
        ([REQUEST_ID, "--within", "ages"], 2, "is no duration"),
        (["--country", "Britain"], 2, "no provider is configured there"),
        (["--country", "gb"], 2, "did you mean GB?"),
    ],
)
async def test_what_cannot_be_explained_is_said(
    settings: KafkaSettings, words: list[str], code: int, said: str
) -> None:
    ended, text, _ = await explain(settings, *words)
    assert ended == code
    assert said in text


async def test_topic_is_read_from_an_instant_on(settings: KafkaSettings) -> None:
    async with KafkaAdmin(settings) as admin:
        all_of_them = [record async for record in admin.read(ATTEMPTS.name, now() - timedelta(hours=1))]
        none_of_them = [record async for record in admin.read(ATTEMPTS.name, now() + timedelta(hours=1))]
    assert (len(all_of_them), none_of_them) == (4, [])

"""Reads from the topics what is known of one request."""

from datetime import datetime, timedelta
from typing import TypeVar

from pipeline.dead_letters.letters import is_of_the_request
from pipeline.errors import InvalidMessage
from pipeline.records import (
    Attempt,
    DeadLetter,
    OtpRequest,
    Receipt,
    Record,
    RouteTable,
    Verification,
    decode,
)
from pipeline.records.topics import ATTEMPTS, DEAD, RECEIPTS, REQUESTS, ROUTES, VERIFICATIONS, Topic
from pipeline.reports.explaining import RequestRecords
from pipeline.settings import KafkaSettings
from workers.kafka import KafkaAdmin

R = TypeVar("R", bound=Record)


async def known_of(kafka: KafkaSettings, request_id: str, now: datetime, within: timedelta) -> RequestRecords:
    """Read what the topics hold of a request since then. Raises BrokerAway."""
    since = now - within
    async with KafkaAdmin(kafka) as admin:
        requests = await _of(admin, REQUESTS, OtpRequest, request_id, since)
        attempts = await _of(admin, ATTEMPTS, Attempt, request_id, since)
        letters = await _of(admin, DEAD, DeadLetter, request_id, since)
        dead = [letter for letter in letters if is_of_the_request(letter)]
        countries = [*(one.country for one in attempts), *(one.country for one in dead)]
        country = next(filter(None, countries), None)
        return RequestRecords(
            request=requests[0] if requests else None,
            attempts=attempts,
            receipts=await _of(admin, RECEIPTS, Receipt, request_id, since),
            verifications=await _of(admin, VERIFICATIONS, Verification, request_id, since),
            dead=max(dead, key=lambda letter: letter.at, default=None),
            tables=await _tables(admin, country) if country else (),
        )


async def _of(admin: KafkaAdmin, topic: Topic, kind: type[R], key: str, since: datetime | None) -> list[R]:
    """Give the records of a key; what cannot be read is left out."""
    found = []
    async for record in admin.read(topic.name, since):
        if record.key == key.encode():
            try:
                found.append(decode(kind, record.value))
            except InvalidMessage:
                continue
    return found


async def _tables(admin: KafkaAdmin, country: str) -> list[RouteTable]:
    """Give every table of a country once, however often it was told."""
    tables = await _of(admin, ROUTES, RouteTable, country, None)
    return list({table.changed_at: table for table in tables}.values())

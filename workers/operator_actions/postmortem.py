"""Incidents and the records around them, read from the topics, and the postmortem of one written into a folder."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from pipeline.errors import InvalidMessage
from pipeline.records import (
    Attempt,
    DeadLetter,
    Incident,
    Order,
    Receipt,
    Record,
    RouteTable,
    Verification,
    decode,
)
from pipeline.records.topics import ATTEMPTS, CONTROL, DEAD, INCIDENTS, RECEIPTS, ROUTES, VERIFICATIONS, Topic
from pipeline.reports.postmortem.facts import MARGIN, Facts, PastOrder
from pipeline.reports.postmortem.told import of
from pipeline.reports.postmortem.written import Written, write
from pipeline.settings import KafkaSettings
from workers.kafka import BrokerClock, KafkaAdmin
from workers.loop import Record as Stored

MILLI: Final = 1000

R = TypeVar("R", bound=Record)


async def incidents(kafka: KafkaSettings) -> list[Incident]:
    """Read all that was ever told of incidents and is still there, oldest first. Raises BrokerAway."""
    async with KafkaAdmin(kafka) as admin:
        return [incident async for incident in _records(admin, INCIDENTS, Incident)]


async def postmortem(kafka: KafkaSettings, told: Sequence[Incident], *, life: timedelta) -> Written:
    """Write the postmortem of an incident, from all that was told of it, without storing it. Raises BrokerAway.

    `life` is that of a code, as the settings have it: the records of attempts do not say it.
    """
    return write(await _facts(kafka, told, life))


def store(written: Written, folder: Path) -> list[Path]:
    """Write the files into a folder, which is made where it is missing. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in written.files]
    for path, text in zip(paths, written.files.values(), strict=True):
        path.write_text(text, encoding="utf-8", newline="")
    return paths


async def write_up(kafka: KafkaSettings, incident_id: str, folder: Path, *, life: timedelta) -> Written:
    """Read, write and store the postmortem of an incident that is there. Raises BrokerAway, OSError."""
    written = await postmortem(kafka, of(await incidents(kafka), incident_id), life=life)
    store(written, folder)
    return written


async def _facts(kafka: KafkaSettings, told: Sequence[Incident], life: timedelta) -> Facts:
    """Gather what belongs to an incident. What is on a topic and not of its kind is not ours."""
    incident = told[-1]
    since = incident.onset_at - MARGIN
    until = incident.closed_at + life if incident.closed_at else datetime.max.replace(tzinfo=UTC)

    async with KafkaAdmin(kafka) as admin:

        async def during(topic: Topic, kind: type[R], at: Callable[[R], datetime]) -> list[R]:
            found = [record async for record in _records(admin, topic, kind, since) if since <= at(record) <= until]
            return sorted(found, key=at)

        return Facts(
            incident=incident,
            told=told,
            tables=[table async for table in _records(admin, ROUTES, RouteTable)],
            orders=await _orders(admin),
            attempts=await during(ATTEMPTS, Attempt, lambda attempt: attempt.sent_at),
            receipts=await during(RECEIPTS, Receipt, lambda receipt: receipt.sent_at),
            verifications=await during(VERIFICATIONS, Verification, lambda entry: entry.at),
            dead=await during(DEAD, DeadLetter, lambda letter: letter.at),
            life=life,
            as_of=BrokerClock().now(),
        )


async def _records(admin: KafkaAdmin, topic: Topic, kind: type[R], since: datetime | None = None) -> AsyncIterator[R]:
    async for one in admin.read(topic.name, since):
        try:
            yield decode(kind, one.value)
        except InvalidMessage:
            continue


async def _orders(admin: KafkaAdmin) -> list[PastOrder]:
    """Read the orders. A null value withdraws one, when it was written."""
    given: dict[str, PastOrder] = {}
    async for stored in admin.read(CONTROL.name):
        key = (stored.key or b"").decode(errors="replace")
        if stored.value is None and key in given:
            given[key] = replace(given[key], withdrawn_at=_written_at(stored))
        elif order := _order(stored):
            given[order.order_id] = PastOrder(order=order)
    return list(given.values())


def _order(stored: Stored) -> Order | None:
    try:
        return decode(Order, stored.value)
    except InvalidMessage:
        return None


def _written_at(stored: Stored) -> datetime:
    return datetime.fromtimestamp(stored.timestamp_ms / MILLI, UTC)

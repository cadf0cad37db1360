"""A caller with habits of its own: transactions that it ends or takes back, and records that somebody deletes."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

TIMEOUT_MS = 10_000  # after which the broker takes back what is left open


@asynccontextmanager
async def transacting(bootstrap: str, name: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer that writes in transactions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=TIMEOUT_MS, client_id="strange"
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def transaction(
    producer: AIOKafkaProducer,
    topic: str,
    values: Iterable[bytes],
    *,
    partition: int | None = None,
    commit: bool = True,
) -> None:
    """Write records in one transaction, and end it or take it back."""
    await producer.begin_transaction()
    for value in values:
        await producer.send_and_wait(topic, value, partition=partition)
    await (producer.commit_transaction() if commit else producer.abort_transaction())


async def delete(bootstrap: str, topic: str, partition: int, before: int) -> None:
    """Delete the records before an offset; -1: all that there are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()

"""Reading a topic without a group and without a trace."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.kafka.consumer import as_record
from workers.kafka.passed import log_passed
from workers.loop.seam import Record


async def browse(
    reader: AIOKafkaConsumer, topic: str, ends: Mapping[TopicPartition, int], since: datetime | None
) -> AsyncGenerator[Record, None]:
    """Read the partitions from their beginning, or an instant, up to these ends."""
    reader.assign(list(ends))
    if since:
        await _seek(reader, ends, since)
    while ends:
        fetched = await reader.getmany(timeout_ms=200, max_records=1000)
        for partition, records in fetched.items():
            for record in records:
                read = as_record(topic, record, log_passed)
                if read.offset < ends.get(partition, 0) and not read.nothing:
                    yield read
        ends = {partition: end for partition, end in ends.items() if await reader.position(partition) < end}


async def appended(reader: AIOKafkaConsumer, topic: str) -> AsyncIterator[Record]:
    """Give what is appended from where the reader stands, for ever."""
    while True:
        for records in (await reader.getmany(timeout_ms=200)).values():
            for record in records:
                read = as_record(topic, record, log_passed)
                if not read.nothing:
                    yield read


async def _seek(reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], since: datetime) -> None:
    found = await reader.offsets_for_times(dict.fromkeys(ends, int(since.timestamp() * 1000)))
    for partition, end in ends.items():
        reader.seek(partition, first.offset if (first := found.get(partition)) else end)

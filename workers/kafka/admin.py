"""Looking at a cluster: topics, groups, lag, and what is on a topic."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import TopicAlreadyExistsError, for_code

from pipeline.consuming.backlog import Partition
from pipeline.consuming.queue_age import left
from pipeline.errors import PipelineError, TopicMismatch
from pipeline.records.topics import CONSUMED_BY
from pipeline.settings import KafkaSettings
from workers.kafka.answers import translated
from workers.kafka.browsing import appended, browse
from workers.kafka.connection import READING, connection
from workers.kafka.status import GroupStatus, TopicShape, TopicStatus
from workers.log import get_log
from workers.loop.seam import Record

log = get_log("kafka")

_ANSWER_MS: Final = 5_000
_OK: Final = 0


class KafkaAdmin:
    """Questions to a cluster, as an asynchronous context manager. Names are without prefix. All raise BrokerAway."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._prefix = settings.prefix
        self._admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=_ANSWER_MS)

    async def __aenter__(self) -> Self:
        async with translated("cannot connect"):
            await self._admin.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._admin.close()

    async def shapes(self, topics: Collection[str]) -> dict[str, TopicShape]:
        """Describe those of the topics that exist and have a leader for every partition."""
        async with translated("cannot describe topics"):
            names = [self._prefix + topic for topic in topics]
            found = {
                topic["topic"]: len(topic["partitions"])
                for topic in await self._admin.describe_topics(names)
                if topic["error_code"] == _OK and all(partition["leader"] >= 0 for partition in topic["partitions"])
            }
            configs = await self._configs(found) if found else {}
        return {
            name.removeprefix(self._prefix): TopicShape(partitions=count, configs=configs[name])
            for name, count in found.items()
            if configs[name]  # one that was made just now may not be known everywhere
        }

    async def create(self, shapes: Mapping[str, TopicShape]) -> tuple[str, ...]:
        """Create topics; give the names of those that were not created by somebody else meanwhile."""
        if not shapes:
            return ()
        topics = [
            NewTopic(self._prefix + name, shape.partitions, self._settings.replication, topic_configs=shape.configs)
            for name, shape in shapes.items()
        ]
        async with translated("cannot create topics"):
            response = await self._admin.create_topics(topics)
        outcomes = {name: (code, text) for name, code, text, *_ in response.topic_errors}
        for name, (code, text) in outcomes.items():
            if code not in {_OK, TopicAlreadyExistsError.errno}:
                raise PipelineError(f"topic {name} could not be created: {for_code(code).__name__}: {text}")
        created = tuple(name for name in shapes if outcomes[self._prefix + name][0] == _OK)
        log.info("topics.created", count=len(created))
        return created

    async def topics(self, topics: Collection[str]) -> list[TopicStatus]:
        """Tell partitions, oldest and next offsets of those of the topics that exist, in their order."""
        shapes = await self.shapes(topics)
        existing = [topic for topic in topics if topic in shapes]
        theirs = [
            TopicPartition(self._prefix + topic, partition)
            for topic in existing
            for partition in range(shapes[topic].partitions)
        ]
        async with translated("cannot read offsets"), self._reader() as reader:
            ends, starts = await asyncio.gather(reader.end_offsets(theirs), reader.beginning_offsets(theirs))
        return [
            TopicStatus(name=topic, ends=_of(ends, self._prefix + topic), starts=_of(starts, self._prefix + topic))
            for topic in existing
        ]

    async def groups(self) -> list[GroupStatus]:
        """Tell members and lag of every consumer group whose name starts with ours."""
        async with translated("cannot read consumer groups"):
            ours = sorted(
                name for name, *_ in await self._admin.list_consumer_groups() if name.startswith(self._prefix + "otp.")
            )
            # One by one: aiokafka 0.14.0 reads an answer about several groups as if it were of an older version.
            described = [answer for name in ours for answer in await self._admin.describe_consumer_groups([name])]
            groups = [group for answer in described for group in answer.to_object()["groups"]]
            async with self._reader() as reader:
                return [await self._status(group, reader) for group in sorted(groups, key=_name)]

    async def read(self, topic: str, since: datetime | None = None) -> AsyncIterator[Record]:
        """Read a topic from its beginning, or an instant, to its end as of now, without a group and without a trace."""
        ends = {
            TopicPartition(self._prefix + topic, partition): end
            for status in await self.topics([topic])
            for partition, end in status.ends.items()
            if end > status.starts[partition]
        }
        async with (
            translated(f"cannot read {topic}"),
            self._reader() as reader,
            aclosing(browse(reader, topic, ends, since)) as records,
        ):
            async for record in records:
                yield record

    @asynccontextmanager
    async def following(self, topic: str) -> AsyncIterator[AsyncIterator[Record]]:
        """Give the records of a topic that are appended from now on, without a group and without a trace.

        Raises TopicMismatch where there is no such topic.
        """
        ends = {
            TopicPartition(self._prefix + topic, partition): end
            for status in await self.topics([topic])
            for partition, end in status.ends.items()
        }
        if not ends:
            raise TopicMismatch(f"{self._prefix}{topic}: missing; `ithaca topics` creates it")
        async with translated(f"cannot read {topic}"), self._reader() as reader:
            reader.assign(list(ends))
            for partition, end in ends.items():
                reader.seek(partition, end)
            yield appended(reader, topic)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(**connection(self._settings), **READING, request_timeout_ms=_ANSWER_MS)
        try:
            await reader.start()
            yield reader
        finally:
            await asyncio.sleep(0)  # aiokafka 0.14.0 raises CancelledError when stopped before its tasks have begun
            await reader.stop()

    async def _configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        (answer,) = await self._admin.describe_configs(resources)
        return {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in answer.resources}

    async def _status(self, group: Mapping[str, Any], reader: AIOKafkaConsumer) -> GroupStatus:
        name = _name(group).removeprefix(self._prefix)
        commits = await self._admin.list_consumer_group_offsets(_name(group))
        assigned = [partition for member in group["members"] for partition in _assigned(member)]
        theirs = list({*commits, *assigned, *await self._consumed(name, reader)})
        ends, starts = await asyncio.gather(reader.end_offsets(theirs), reader.beginning_offsets(theirs))
        lag = {
            Partition(partition.topic.removeprefix(self._prefix), partition.partition): left(
                ends[partition], starts[partition], commits[partition].offset if partition in commits else None
            )
            for partition in sorted(theirs)
        }
        return GroupStatus(
            name=name,
            state=group["state"],
            members=len(group["members"]),
            lag=lag,
        )

    async def _consumed(self, group: str, reader: AIOKafkaConsumer) -> list[TopicPartition]:
        """Give all partitions of what a group of ours consumes: a young one may never have had some of them."""
        cluster = await reader._client.fetch_all_metadata()  # noqa: SLF001 - it has no other name
        names = [self._prefix + topic.name for topic in CONSUMED_BY.get(group, ())]
        return [TopicPartition(name, number) for name in names for number in cluster.partitions_for_topic(name) or ()]


def _name(group: Mapping[str, Any]) -> str:
    return str(group["group"])


def _assigned(member: Mapping[str, Any]) -> list[TopicPartition]:
    encoded = member["member_assignment"]
    return list(ConsumerProtocol.ASSIGNMENT.decode(encoded).partitions()) if encoded else []


def _of(offsets: Mapping[TopicPartition, int], topic: str) -> dict[int, int]:
    return {partition.partition: offset for partition, offset in sorted(offsets.items()) if partition.topic == topic}

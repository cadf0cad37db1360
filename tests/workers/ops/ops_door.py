"""The operators' page wired for tests: real HTTP, and a feed that tests fill."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientSession

from pipeline.records import encode
from pipeline.records.topics import Topic
from pipeline.settings import OperatorSettings, Secret
from tests.workers.doors import Door, listening, storeless_door
from workers.loop import Record
from workers.ops.app import build_app
from workers.ops.events import Events
from workers.ops.feed import Feed

OPERATORS = {
    "ann": OperatorSettings(key=Secret(b"key-of-ann"), role="operator"),
    "bob": OperatorSettings(key=Secret(b"key-of-bob")),
}
ANN, BOB = {"Authorization": "Bearer key-of-ann"}, {"Authorization": "Bearer key-of-bob"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpsDoor:
    """A running page."""

    door: Door
    feed: Feed
    events: Events
    url: str

    @property
    def client(self) -> ClientSession:
        return self.door.client


def as_record(topic: Topic, record: Any, *, key: str = "key") -> Record:
    """Put a record onto a topic."""
    value = record if record is None or isinstance(record, bytes) else encode(record)
    return Record(topic=topic.name, partition=0, offset=0, key=key.encode(), value=value, timestamp_ms=0)


@contextlib.asynccontextmanager
async def ops_door() -> AsyncIterator[OpsDoor]:
    """Serve the page beside the block."""
    async with storeless_door("ops") as door:
        door.settings = replace(door.settings, operators=OPERATORS)
        feed = Feed(door.clock.now)
        events = Events(feed.whole, feed.news)
        feed.when_urgent = events.wake
        async with listening(build_app(door.parts(), feed, events)) as url:
            yield OpsDoor(door=door, feed=feed, events=events, url=url)

"""The stream of attempts, receipts and verifications: this file and `transport` alone know faust.

faust makes this process a member of a consumer group and brings each record of its share of the partitions at least
once, mostly in order. Nothing more is relied upon: whoever takes the events looks at every offset.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, Final

import faust
from faust.types import TP

from pipeline.errors import CannotGoOn
from pipeline.evidence.routes import Source
from pipeline.records.topics import COUNTED, STATS_GROUP
from pipeline.settings import KafkaSettings
from workers.kafka.batches import Nothing
from workers.kafka.connection import METADATA_MAX_AGE_MS, connection
from workers.kafka.passed import log_passed
from workers.loop import Record
from workers.stats.seam import Taker
from workers.stats.transport import QuickTransport

COMMIT_EVERY_S: Final = 1.0
REQUEST_S: Final = 30.0
LOOK_S: Final = 1.0
BUFFER: Final = 65_536  # events that wait to be taken; with fewer faust pauses for a second each time it is full


class Stream:
    """A member of the group that shares the counted topics. `passed` is told of batches that cannot be opened."""

    def __init__(self, settings: KafkaSettings, taker: Taker, passed: Callable[[Record], None] = log_passed) -> None:
        self._passed = passed
        self._prefix = settings.prefix
        self._taker = taker
        self._folder = tempfile.TemporaryDirectory(prefix="ithaca-stats-")  # faust makes empty folders somewhere
        self._app = make_app(settings, self._folder.name)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._app.on_partitions_assigned.connect(self._assigned)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.agent(self._topic(), name="count", concurrency=1)(self._count)

    async def watch(self) -> None:
        """Wait until it is broken for good. Raises what broke it, or CannotGoOn."""
        while not self._app.crashed:
            await asyncio.wait([self._failed], timeout=LOOK_S)
            if self._failed.done():
                self._failed.result()
        raise CannotGoOn(f"faust has stopped: {type(self._app.crash_reason).__name__}")

    async def run(self) -> None:
        """Be a member for ever. Raises what breaks it, or CannotGoOn."""
        await self.start()
        await self.watch()

    async def start(self) -> None:
        """Join the group, and wait for the first assignment. May never return while the broker is away."""
        await self._app.start()

    async def stop(self) -> None:
        """Leave the group. May hold the event loop, and for ever, while the broker is away: have the process ended."""
        await self._app.stop()
        self._folder.cleanup()

    def _topic(self) -> Any:
        names = [self._prefix + topic.name for topic in COUNTED]
        return self._app.topic(*names, key_serializer="raw", value_serializer="raw")

    async def _count(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self._take(event)

    async def _take(self, event: Any) -> None:
        """Let an event be taken. After an error nothing is any more: faust would go on with the next one."""
        message = event.message
        source, nothing = (message.topic.removeprefix(self._prefix), message.partition), message.headers
        try:
            if isinstance(nothing, Nothing):
                self._told(source, message, nothing)
                await self._taker.skip(source, nothing.first, message.offset, event.ack)
            else:
                await self._taker.take(source, message.offset, message.timestamp, event.value, event.ack)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
            if not self._failed.done():
                self._failed.set_exception(error)
            await asyncio.get_running_loop().create_future()

    def _told(self, source: Source, message: Any, nothing: Nothing) -> None:
        if nothing.unreadable:
            topic, partition = source
            stamp_ms = int(message.timestamp * 1000)
            self._passed(
                Record(
                    topic=topic,
                    partition=partition,
                    offset=message.offset,
                    key=None,
                    value=None,
                    timestamp_ms=stamp_ms,
                    nothing=True,
                    unreadable=nothing.unreadable,
                )
            )

    async def _assigned(self, *received: Any, **_: Any) -> None:
        assigned: Iterable[TP] = received[-1]
        self._taker.assigned([(tp.topic.removeprefix(self._prefix), tp.partition) for tp in assigned])

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._taker.revoked()


def make_app(settings: KafkaSettings, folder: str) -> faust.App:
    """Give an app that is to run inside this program. Raises SettingsError for unusable TLS files and credentials."""
    app = faust.App(
        settings.prefix + STATS_GROUP,
        broker=[f"kafka://{address.strip()}" for address in settings.bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s * 0.3,
        broker_rebalance_timeout=settings.session_timeout_s,
        broker_request_timeout=REQUEST_S,
        broker_commit_interval=COMMIT_EVERY_S,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        datadir=folder,
        stream_buffer_maxsize=BUFFER,
        stream_wait_empty=False,  # what is not done at the end or a rebalance comes again
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    app.transport = QuickTransport(app.conf.broker_consumer, app)
    return app


def _credentials(settings: KafkaSettings) -> Any:
    arguments = connection(settings)
    tls = arguments.get("ssl_context")
    if settings.security.startswith("SASL"):
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            mechanism=arguments["sasl_mechanism"],
            ssl_context=tls,
        )
    return faust.SSLCredentials(context=tls) if tls else None

"""The stream of attempts, receipts and verifications: the only file that knows faust.

faust makes this process a member of a consumer group and brings each record of its share of the partitions at least
once, mostly in order. Nothing more is relied upon: whoever takes the events looks at every offset.
"""

import asyncio
import tempfile
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

import faust
from faust.types import TP

from pipeline.errors import CannotGoOn
from pipeline.evidence import Source
from pipeline.settings import KafkaSettings
from pipeline.topics import COUNTED
from workers.kafka.connection import be_patient, connection
from workers.log import get_log
from workers.stats.sources import GROUP

log = get_log("stats")

COMMIT_EVERY_S: Final = 1.0
REQUEST_S: Final = 30.0
STOP_S: Final = 5.0
BUFFER: Final = 65_536  # events that wait to be taken; with fewer faust pauses for a second each time it is full


class Taker(Protocol):
    """Who takes the events."""

    async def take(
        self, source: Source, offset: int, appended_at: float, value: bytes | None, done: Callable[[], object]
    ) -> None:
        """Take one record; `done` lets its offset be committed. An error ends the process."""
        ...

    def assigned(self, sources: Collection[Source]) -> None:
        """Learn which partitions are ours from now on."""
        ...

    def revoked(self) -> None:
        """Learn that none is, until the next assignment."""
        ...


class Stream:
    """A member of the group that shares the counted topics."""

    def __init__(self, settings: KafkaSettings, taker: Taker) -> None:
        self._prefix = settings.prefix
        self._taker = taker
        self._folder = tempfile.TemporaryDirectory(prefix="ithaca-stats-")  # faust makes empty folders somewhere
        self._app = self._make_app(settings)
        self._failure: Exception | None = None
        self._app.on_partitions_assigned.connect(self._assigned)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.agent(self._topic(), name="count", concurrency=1)(self._count)

    @property
    def failure(self) -> Exception | None:
        """Give what broke it; none while it works, as far as it knows."""
        if self._failure is None and self._app.crashed:
            return CannotGoOn(f"faust has stopped: {type(self._app.crash_reason).__name__}")
        return self._failure

    async def start(self) -> None:
        """Join the group, and wait for the first assignment. May never return while the broker is away."""
        await self._app.start()
        consumer: Any = self._app.consumer
        be_patient(consumer._thread._consumer._client)  # noqa: SLF001 - they have no other names

    async def stop(self) -> None:
        """Leave the group, within a bounded time."""
        try:
            async with asyncio.timeout(STOP_S):
                await self._app.stop()
        except TimeoutError:
            log.warning("consumer.left_without_farewell", group=GROUP)
        self._folder.cleanup()

    def _make_app(self, settings: KafkaSettings) -> faust.App:
        return faust.App(
            settings.prefix + GROUP,
            broker=[f"kafka://{address.strip()}" for address in settings.bootstrap.split(",")],
            broker_credentials=_credentials(settings),
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=settings.session_timeout_s * 0.3,
            broker_rebalance_timeout=settings.session_timeout_s,
            broker_request_timeout=REQUEST_S,
            broker_commit_interval=COMMIT_EVERY_S,
            consumer_auto_offset_reset="earliest",
            datadir=self._folder.name,
            stream_buffer_maxsize=BUFFER,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
        )

    def _topic(self) -> Any:
        names = [self._prefix + topic.name for topic in COUNTED]
        return self._app.topic(*names, key_serializer="raw", value_serializer="raw")

    async def _count(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            source = (message.topic.removeprefix(self._prefix), message.partition)
            await self._taker.take(source, message.offset, message.timestamp, event.value, event.ack)

    async def _assigned(self, *received: Any, **_: Any) -> None:
        assigned: Iterable[TP] = received[-1]
        self._taker.assigned([(tp.topic.removeprefix(self._prefix), tp.partition) for tp in assigned])

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._taker.revoked()


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

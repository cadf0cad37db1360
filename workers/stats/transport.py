"""faust's Kafka transport, with two of its habits changed."""

import asyncio
from typing import Any, ClassVar

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from workers.kafka.connection import READING, be_patient


class PatientThread(AIOKafkaConsumerThread):
    """Reads what was committed, and asks for metadata less often while the broker is away."""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        be_patient(consumer._client)  # noqa: SLF001 - it has no other name
        consumer._isolation_level = READING["isolation_level"]  # noqa: SLF001 - faust sets it only with its own transactions
        return consumer


class QuickConsumer(Consumer):
    """Hands a record over without ado while nothing holds it up.

    faust 0.15.3 makes four tasks for each record, to stop waiting when a rebalance begins: most of what it costs. While
    records flow there is nothing to wait for. Should one wait after all, and a rebalance begin, then records may be
    left out: whoever takes them looks at every offset.
    """

    async def wait_first(self, *waits: Any, **limits: Any) -> Any:
        """Wait for the first of several things, or do the only one that can be."""
        handing_over, *others = waits
        if not (others and self.flow_active and self.app.flow_control.is_active()):
            return await super().wait_first(*waits, **limits)
        for other in others:
            other.close()
        return await handing_over

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return PatientThread(self, loop=self.loop, beacon=self.beacon)


class QuickTransport(Transport):
    """Makes such consumers."""

    Consumer: ClassVar[type[Consumer]] = QuickConsumer

"""Incidents that only the supervisor can know of."""

import asyncio
from typing import Final

from pipeline.errors import CannotGoOn
from pipeline.records import Incident, encode
from pipeline.records.topics import INCIDENTS
from pipeline.settings import KafkaSettings
from workers.kafka import KafkaProducer
from workers.log import get_log

TELL_S: Final = 10.0

log = get_log("supervisor")


async def tell(settings: KafkaSettings, incident: Incident) -> None:
    """Put an incident on its topic within 10 s, if Kafka is there: it may be what has ended."""
    producer = KafkaProducer(settings)
    try:
        async with asyncio.timeout(TELL_S):
            await producer.start()
            await producer.send(INCIDENTS.name, incident.incident_id, encode(incident))
    except (TimeoutError, CannotGoOn):
        log.warning("incident.not_told", reason="kafka_away")
    finally:
        await producer.stop()

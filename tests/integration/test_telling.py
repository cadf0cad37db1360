"""A process that ends again and again becomes an incident on the real topic."""

from datetime import UTC, datetime

from pipeline.incidents.happenings import restarting
from pipeline.records import Cause, Incident, Phase, decode
from pipeline.records.topics import INCIDENTS
from pipeline.settings import KafkaSettings
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.telling import tell
from workers.kafka import KafkaAdmin, create_topics


async def test_incident_names_the_process_and_its_reason(kafka: EmbeddedKafka, prefix: str) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix)
    await create_topics(settings, [INCIDENTS])
    await tell(settings, restarting("dispatch-1", 3, "ended with status 1: a topic is missing", datetime.now(UTC)))
    async with KafkaAdmin(settings) as admin:
        (told,) = [decode(Incident, record.value) async for record in admin.read(INCIDENTS.name)]

    assert (told.cause, told.phase) == (Cause.OURS, Phase.CLOSED)
    assert told.summary == (
        "dispatch-1 has ended 3 times in a row for the same reason: it ended with status 1: a topic is missing"
    )

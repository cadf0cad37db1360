"""Topics of dead letters on real Kafka, and real Valkey."""

import pytest

from pipeline.dead_letters.redrive import TIER
from pipeline.records.topics import DEAD, EXPIRED, RESOLUTIONS
from pipeline.settings import Settings
from pipeline.settings.parse import parse
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey
from workers.kafka import create_topics


@pytest.fixture
async def settings(kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str) -> Settings:
    settings = parse(
        environ={
            "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "ITHACA_KAFKA__PREFIX": prefix,
            "ITHACA_KAFKA__PARTITIONS": "2",
            "ITHACA_STATE__URL": valkey.url,
            "ITHACA_STATE__PREFIX": prefix,
        }
    )
    await create_topics(settings.kafka, [DEAD, RESOLUTIONS, EXPIRED, TIER])
    return settings

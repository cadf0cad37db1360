"""`ithaca incidents` and `ithaca postmortem` against the real broker, over the records of a small incident."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from pipeline.records import Phase, Record, encode
from pipeline.records.topics import ATTEMPTS, CONTROL, DEAD, INCIDENTS, RECEIPTS, ROUTES, TOPICS, VERIFICATIONS, Topic
from pipeline.reports.postmortem.written import CHART, CSV, DOCUMENT, NUMBERS, SHEET
from pipeline.settings import KafkaSettings
from tests.pipeline.reports.postmortem.made_up import CLOSED, COUNTED, FACTS, HASH, LIFE, NUMBER, OPENED, PIN, UPDATED
from workers.embedded.kafka import EmbeddedKafka
from workers.kafka import KafkaProducer, create_topics
from workers.operator_actions.postmortem import write_up

ROOT = Path(__file__).parents[2]
DASHED = structs.replace(OPENED, incident_id="-begins-with-a-dash-0123", phase=Phase.OPENED)


@dataclass(frozen=True)
class Told:
    """Topics on which an incident stands."""

    kafka: KafkaSettings

    def type_(self, *words: str) -> "subprocess.CompletedProcess[str]":
        ours = {name: value for name, value in os.environ.items() if not name.startswith("ITHACA_")}
        where = {"ITHACA_KAFKA__BOOTSTRAP": self.kafka.bootstrap, "ITHACA_KAFKA__PREFIX": self.kafka.prefix}
        command = [sys.executable, "-m", "workers", *words]
        return subprocess.run(
            command, cwd=ROOT, env={**ours, **where}, capture_output=True, text=True, timeout=60, check=False
        )

    def document(self, *words: str) -> Any:
        done = self.type_(*words, "--json", "-")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
async def told(kafka: EmbeddedKafka, prefix: str) -> Told:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=3)
    await create_topics(settings, TOPICS)
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        await _write_all(producer)
    finally:
        await producer.stop()
    return Told(settings)


async def _write_all(producer: KafkaProducer) -> None:
    for topic in (INCIDENTS, CONTROL, ATTEMPTS, ROUTES):
        await producer.send(topic.name, "broken", b"not a record")
    await _write(producer, INCIDENTS, (DASHED, OPENED, UPDATED, CLOSED), "incident_id")
    await _write(producer, ROUTES, FACTS.tables, "country")
    await _write(producer, CONTROL, [given.order for given in FACTS.orders], "order_id")
    await producer.withdraw(CONTROL.name, PIN.order_id)
    await _write(producer, ATTEMPTS, FACTS.attempts, "request_id")
    await _write(producer, RECEIPTS, FACTS.receipts, "request_id")
    await _write(producer, VERIFICATIONS, FACTS.verifications, "request_id")
    await _write(producer, DEAD, FACTS.dead, "request_id")


async def _write(producer: KafkaProducer, topic: Topic, records: Iterable[Record], key: str) -> None:
    for record in records:
        await producer.send(topic.name, getattr(record, key), encode(record))


def test_incidents_are_listed_shown_and_written_up(told: Told, tmp_path: Path) -> None:
    listed = told.document("incidents", "list")["incidents"]
    assert [one["incident_id"] for one in listed] == [DASHED.incident_id, CLOSED.incident_id]
    assert [one["incident_id"] for one in told.document("incidents", "list", "--open")["incidents"]] == [
        DASHED.incident_id
    ]
    assert told.document("incidents", "list", "--cause", "fraud") == {"incidents": []}
    assert told.document("incidents", "show", "abc")["not_causes"] == list(CLOSED.not_causes)
    assert told.document("incidents", "show", "-beg")["incident_id"] == DASHED.incident_id

    folder = tmp_path / "made" / "by it"
    written = told.document("postmortem", "abc", "--to", str(folder))

    assert {name: written[name] for name in COUNTED} == COUNTED
    assert {path.name for path in folder.iterdir()} == {DOCUMENT, NUMBERS, CHART, SHEET, CSV}
    assert json.loads((folder / NUMBERS).read_text())["swallowed"] == COUNTED["swallowed"]
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert "by ann: calls from customers" in texts[DOCUMENT]
    assert "; withdrawn at " in texts[DOCUMENT]
    assert not any(secret in text for secret in (NUMBER, HASH) for text in texts.values())

    again = told.type_("postmortem", "abc", "--to", str(folder))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert told.type_("postmortem", "abc", "--to", str(folder), "--force").returncode == 0


def test_id_that_nothing_begins_with_is_answered_with_what_there_is(told: Told) -> None:
    done = told.type_("incidents", "show", "nobody")

    assert done.returncode == 2
    assert CLOSED.incident_id in done.stderr
    assert "Traceback" not in done.stderr


async def test_postmortem_may_be_written_by_a_program_as_well(told: Told, tmp_path: Path) -> None:
    written = await write_up(told.kafka, CLOSED.incident_id, tmp_path, life=LIFE)

    assert {name: written.numbers[name] for name in COUNTED} == COUNTED
    assert (tmp_path / DOCUMENT).read_text() == written.files[DOCUMENT]


async def test_prefix_without_incidents_has_none(kafka: EmbeddedKafka, prefix: str) -> None:
    empty = Told(KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix, partitions=1))
    await create_topics(empty.kafka, TOPICS)

    assert empty.document("incidents", "list") == {"incidents": []}
    done = empty.type_("postmortem", "abc", "--to", "anywhere")
    assert done.returncode == 2
    assert "there are none at all" in done.stderr

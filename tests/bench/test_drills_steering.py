"""What the system says while a drill runs, as it comes."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from msgspec import structs

from bench.drills.steering import Steering
from pipeline.records import Phase, encode
from pipeline.records import Record as Document
from pipeline.records.topics import INCIDENTS, ROUTES
from tests.bench.test_drills_moves import LED, LEFT, table
from tests.bench.test_drills_results import INCIDENT
from workers.loop import Record

SECOND = Record(topic="", partition=0, offset=0, key=None, value=b"", timestamp_ms=1_800_000_000_250)


@pytest.fixture
def steering(tmp_path: Path) -> Iterator[Steering]:
    with closing(Steering(tmp_path / "journals" / "steering.jsonl")) as steering:
        yield steering


def record(topic: str, document: Document) -> Record:
    return structs.replace(SECOND, topic=topic, value=encode(document))


def test_newest_table_of_each_country_is_known_and_all_are_kept(steering: Steering) -> None:
    for shares in (LED, LEFT):
        steering.take_table(record(ROUTES.name, table("GB", shares)))

    assert len(steering.seen) == 2
    assert steering.tables["GB"].routes[0].share == LEFT["a"]


def test_instants_by_both_clocks_are_noted(steering: Steering) -> None:
    steering.take_table(record(ROUTES.name, table("GB", LED)))

    (seen,) = steering.seen
    assert seen.appended_at == 1_800_000_000.25
    assert seen.came_at != seen.appended_at


def test_incident_is_known_as_it_was_told_last_by_then(steering: Steering) -> None:
    closed = structs.replace(INCIDENT, phase=Phase.CLOSED, closed_at=INCIDENT.opened_at + timedelta(seconds=9))
    for incident in (INCIDENT, closed):
        steering.take_incident(record(INCIDENTS.name, incident))
    (opened_at, _), (closed_at, _) = steering.told

    assert steering.incidents(opened_at - 1) == []
    assert steering.incidents(closed_at) == [closed]


def test_what_is_no_table_and_no_incident_is_passed_over(steering: Steering) -> None:
    for value in (b"", b"{}", b"nonsense", None):
        steering.take_table(structs.replace(SECOND, value=value))
        steering.take_incident(structs.replace(SECOND, value=value))

    assert (steering.seen, steering.told) == ([], [])


def test_everything_is_written_down_for_whoever_looks_closer(steering: Steering, tmp_path: Path) -> None:
    steering.take_table(record(ROUTES.name, table("GB", LED)))
    steering.take_incident(record(INCIDENTS.name, INCIDENT))

    rows = [orjson.loads(line) for line in (tmp_path / "journals" / "steering.jsonl").read_bytes().splitlines()]
    assert [row.keys() & {ROUTES.name, INCIDENTS.name} for row in rows] == [{ROUTES.name}, {INCIDENTS.name}]
    assert rows[0][ROUTES.name]["country"] == "GB"

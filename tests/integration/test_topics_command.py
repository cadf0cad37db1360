"""`ithaca topics` against the real broker."""

import json
import os
import subprocess
import sys

import pytest

from pipeline.records.topics import TOPICS
from workers.embedded.kafka import EmbeddedKafka


def topics(**environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "workers", "topics", "--json", "-"]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def test_missing_topics_are_created_once(kafka: EmbeddedKafka, prefix: str) -> None:
    names = [prefix + topic.name for topic in TOPICS]
    for created in (names, []):
        done = topics(ITHACA_KAFKA__BOOTSTRAP=kafka.bootstrap, ITHACA_KAFKA__PREFIX=prefix)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == {"topics": names, "created": created}


def test_topic_with_too_few_partitions_is_an_error_that_names_it(kafka: EmbeddedKafka, prefix: str) -> None:
    where = {"ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap, "ITHACA_KAFKA__PREFIX": prefix}
    topics(**where)
    done = topics(**where, ITHACA_KAFKA__PARTITIONS="9")
    assert done.returncode == 1
    assert f"{prefix}otp.requests" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.processes
def test_broker_that_is_away_is_told_in_one_line() -> None:
    done = topics(ITHACA_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Kafka: cannot connect")
    assert len(done.stderr.splitlines()) == 1

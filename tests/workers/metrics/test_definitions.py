"""The table of metrics: its names follow Prometheus' conventions, and docs/ has it as it is."""

import re
from pathlib import Path

import pytest

from workers.metrics.definitions import LIBRARY, METRICS
from workers.metrics.labels import CLAIM, OPERATION
from workers.metrics.metric import EVERY, Kind, Metric
from workers.metrics.reference import reference
from workers.state.claiming import ClaimVerdict
from workers.state.client import SCRIPTS

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
AGAIN = ".venv/bin/python -m workers.metrics.reference > docs/reference/metrics.md"
FORBIDDEN = {"code", "number", "phone", "to", "request_id", "id", "message_id", "key", "token"}


def test_committed_reference_is_the_one_that_follows_from_the_table() -> None:
    assert COMMITTED.read_text() == reference(), f"write it again: {AGAIN}"


def test_every_metric_is_listed_once_and_nothing_else_is() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|histogram) \|", reference(), re.MULTILINE)
    assert listed == [metric.name for metric in (*METRICS, *LIBRARY)]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_name_follows_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"otp(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_seconds") or metric.kind is not Kind.HISTOGRAM


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_is_explained_and_belongs_to_processes_that_there_are(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert metric.processes
    assert set(metric.processes) <= set(EVERY)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(metric.buckets)


def test_no_label_is_named_after_what_must_not_be_told() -> None:
    labels = {label.name for metric in METRICS for label in metric.labels}
    assert labels & FORBIDDEN == set()


def test_labels_that_are_spelt_out_are_complete() -> None:
    assert set(CLAIM.values) == set(ClaimVerdict)
    assert set(SCRIPTS) <= set(OPERATION.values)

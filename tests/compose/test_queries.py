"""Rules and dashboard ask for metrics, labels and values that processes have, in a language that Prometheus reads."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.compose.queries import Query, dashboard, known, labels_of, of_dashboard, of_rules
from tests.compose.stack import PROMTOOL, workers

QUERIES = [*of_rules(), *of_dashboard()]
RECORDED = {query.place for query in of_rules() if query.place.startswith("otp:")}
JOBS = {*workers()} - {"topics"}
each_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.place)


@each_query
def test_every_metric_exists(query: Query) -> None:
    assert query.metrics | query.recorded, "a query asks for something"
    assert sorted(query.metrics - known().keys() - {"up", "ALERTS"}) == []
    assert query.recorded <= RECORDED


@each_query
def test_every_label_is_one_of_its_metric(query: Query) -> None:
    assert [(name, label) for name, label, _, _ in query.matchers if label not in labels_of(name)] == []
    available = {label for name in query.metrics for label in labels_of(name)}
    assert query.grouped <= available
    if query.recorded and not query.metrics:
        available = {label for record in of_rules() if record.place in query.recorded for label in record.grouped}
    assert query.shown <= available


@each_query
def test_every_value_of_a_label_can_occur(query: Query) -> None:
    for name, label, operator, value in query.matchers:
        values = allowed(name, label)
        pattern = value if "~" in operator else re.escape(value)
        if values and "$" not in value and "%" not in value:
            assert any(re.fullmatch(pattern, one) for one in values), (name, label, value)


def allowed(name: str, label: str) -> set[str]:
    """Give the values of a label, where they are known."""
    if label == "job":
        return JOBS
    if name not in known():
        return set()
    return {value for one in known()[name].labels if one.name == label for value in one.values}


@pytest.mark.processes
@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: Debian's package prometheus has it")
def test_prometheus_can_read_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{place}", "expr": query.text} for place, query in enumerate(of_dashboard())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([PROMTOOL or "", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_asks_the_data_source_that_is_provisioned_and_has_its_place() -> None:
    panels = dashboard()["panels"]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {"prometheus"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)

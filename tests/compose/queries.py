"""What queries ask for: metrics, their labels, and the values of labels. Enough of PromQL for the ones of compose/."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.compose.stack import FOLDER, alerts, document
from workers.metrics.definitions import LIBRARY, METRICS
from workers.metrics.metric import Kind, Metric

ADDED = {"job", "instance"}  # by Prometheus, to everything that it collects
FOREIGN = {"up", "ALERTS"}  # Prometheus' own
METRIC = re.compile(r"\b((?:otp|process)_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Query:
    """One query, where it stands, and the labels that are shown of its result."""

    place: str
    text: str
    shown: frozenset[str] = frozenset()

    @property
    def metrics(self) -> frozenset[str]:
        """Give the names of metrics, as processes tell them."""
        return frozenset(match[1] for match in METRIC.finditer(self.text))

    @property
    def recorded(self) -> frozenset[str]:
        """Give the names of series that a rule records."""
        return frozenset(re.findall(r"\botp:[\w:]+", self.text))

    @property
    def grouped(self) -> frozenset[str]:
        """Give the labels that it sums by."""
        return frozenset(name for names in GROUPING.findall(self.text) for name in re.split(r",\s*", names))

    @property
    def matchers(self) -> list[tuple[str, str, str, str]]:
        """Give metric, label, operator and value of every matcher."""
        return [(name, *one) for name, inside in METRIC.findall(self.text) for one in MATCHER.findall(inside)]


@cache
def known() -> dict[str, Metric]:
    """Give every series by its name."""
    found: dict[str, Metric] = {}
    for metric in (*METRICS, *LIBRARY):
        ends = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        found |= {metric.name + end: metric for end in ends}
    return found


def labels_of(name: str) -> set[str]:
    """Give the labels of a series."""
    if name in FOREIGN:
        return {*ADDED, "alertname", "alertstate", "severity"}
    return {label.name for label in known()[name].labels} | ADDED | ({"le"} if name.endswith("_bucket") else set())


def of_rules() -> Iterator[Query]:
    """Give the queries of the rules, those inside their texts included."""
    for group in document("prometheus/rules.yml")["groups"]:
        for rule in group["rules"]:
            texts = "".join(rule.get("annotations", {}).values())
            shown = frozenset(re.findall(r"\$labels\.(\w+)", texts))
            yield Query(rule.get("alert") or rule["record"], rule["expr"], shown)
    for alert in alerts():
        for text in alert["annotations"].values():
            for quoted in QUOTED.findall(text):
                if METRIC.search(quoted) or "otp:" in quoted:
                    yield Query(alert["alert"], quoted.replace('\\"', '"'))


def dashboard() -> dict[str, Any]:
    """Give Grafana's dashboard."""
    read: dict[str, Any] = json.loads((FOLDER / "grafana" / "ithaca.json").read_text())
    return read


def of_dashboard() -> Iterator[Query]:
    """Give the queries of the dashboard."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            shown = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            yield Query(panel["title"], target["expr"], shown)
    for variable in dashboard()["templating"]["list"]:
        metric, label = re.findall(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])[0]
        yield Query(variable["name"], metric, frozenset({label}))

"""Alert rules: they are valid, fire on their patterns and stay silent on calm data; promtool judges them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.compose.stack import PROMETHEUS, PROMTOOL, alerts, document

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: Debian's package prometheus has it")
CASES = sorted((PROMETHEUS / "tests").glob("*.yml"))
NAMES = [alert["alert"] for alert in alerts()]
SEVERITIES = {"page", "ticket"}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([PROMTOOL or "", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.processes
@needs_promtool
def test_prometheus_accepts_the_rules() -> None:
    promtool("check", "rules", PROMETHEUS / "rules.yml")


@pytest.mark.processes
@needs_promtool
def test_prometheus_accepts_its_configuration() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.processes
@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_alerts_fire_on_their_patterns_and_on_nothing_else(case: Path) -> None:
    promtool("test", "rules", case)


def test_every_alert_is_seen_to_fire() -> None:
    texts = [case.read_text() for case in CASES if case.stem != "calm"]
    fired = {name for text in texts for line in _firing(text) for name in re.findall(r'alertname="(\w+)"', line)}
    fired |= {name for text in texts for name in re.findall(r"alertname: (\w+)", text)}
    assert sorted(set(NAMES) - fired) == []


def _firing(text: str) -> list[str]:
    return [line for line in text.splitlines() if "value: 1" in line]


def test_names_of_alerts_are_unique() -> None:
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("alert", alerts(), ids=NAMES)
def test_an_alert_says_how_urgent_it_is_what_is_wrong_with_numbers_and_where_to_read_on(
    alert: dict[str, dict[str, str]],
) -> None:
    says = alert["annotations"]
    assert alert["labels"]["severity"] in SEVERITIES
    assert "$value" in says["summary"] + says["description"] or "query" in says["description"]
    assert says["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{alert['alert']}.md"


def test_every_severity_has_somebody_who_is_told() -> None:
    route = document("prometheus/alertmanager.yml")["route"]
    told = {route["receiver"], *(one["receiver"] for one in route["routes"])}
    assert told == SEVERITIES == {one["name"] for one in document("prometheus/alertmanager.yml")["receivers"]}


def test_alerts_that_silence_others_exist() -> None:
    rules = document("prometheus/alertmanager.yml")["inhibit_rules"]
    matchers = [text for rule in rules for text in (*rule["source_matchers"], *rule["target_matchers"])]
    named = {name for text in matchers for name in re.findall(r"\b[A-Z]\w+", text)}
    assert named <= set(NAMES)

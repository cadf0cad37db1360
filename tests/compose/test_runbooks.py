"""Runbooks: one page for each alert, and what they tell people to type exists; tests/docs reads them as all pages."""

import re
from pathlib import Path

import pytest

from tests.compose.stack import RUNBOOKS, alerts, services
from tests.docs.command_lines import commands, read

PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
SECTIONS = ["What it means", "What the system already does", "What to look at", "What to do", "How to undo"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert [page.stem for page in PAGES] == sorted(alert["alert"] for alert in alerts())


@each_page
def test_a_page_says_the_same_five_things_in_the_same_order(page: Path) -> None:
    lines = page.read_text().splitlines()
    assert lines[0] == f"# {page.stem}"
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS
    assert 25 <= len(lines) <= 50


@each_page
def test_a_page_is_as_urgent_as_its_alert(page: Path) -> None:
    severity = next(alert["labels"]["severity"] for alert in alerts() if alert["alert"] == page.stem)
    assert page.read_text().splitlines()[2].startswith(f"**{severity.capitalize()}.** ")
    assert f"| [{page.stem}]({page.name}) | {severity} | " in (RUNBOOKS / "README.md").read_text()


@each_page
def test_every_command_exists_with_these_options(page: Path) -> None:
    found = commands(page, "ithaca")
    assert found, "a page names at least one command"
    for words in found:
        read(words)


@each_page
def test_every_service_of_a_compose_command_exists(page: Path) -> None:
    for words in commands(page, "docker compose"):
        scaled = {one.split("=")[0] for one in words if "=" in one}
        named = {one for one in words[1:] if not one.startswith("-") and "=" not in one and not re.match(r"\d+m", one)}
        assert scaled | named <= {*services(), "NAME"}, words

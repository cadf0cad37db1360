"""Runbooks: one page for each alert, and what they tell people to type and to look at exists."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tests.compose.stack import RUNBOOKS, alerts, services
from workers.__main__ import app
from workers.metrics.definitions import LIBRARY, METRICS

PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
SECTIONS = ["What it means", "What the system already does", "What to look at", "What to do", "How to undo"]
METRIC_NAMES = {metric.name for metric in (*METRICS, *LIBRARY)}
# What is put in place of the words that stand for something.
SOMETHING = {
    "TOPIC/PARTITION": "otp.requests/0",
    "NUMBER": "+447700900123",
    "REASON": "expired",
    "CODE": "123456",
    "FOLDER": "postmortem",
}
INLINE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"```\n(.*?)```", re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """Give the words of every command of a page, without its comment."""
    text = page.read_text()
    lines = [line for fence in FENCE.findall(text) for line in fence.splitlines()]
    for line in [*lines, *INLINE.findall(FENCE.sub("", text))]:
        words = shlex.split(line, comments=True)
        if words[: len(program.split())] == program.split():
            yield words[len(program.split()) :]


ithaca = cache(typer.main.get_command)


def read(words: list[str]) -> None:
    """Read a command line as `ithaca` does, and run nothing. Raises TyperException when it would be refused."""
    command, context = ithaca(app), typer.Context(ithaca(app))
    while isinstance(command, TyperGroup):
        found = command.get_command(context, words[0]) if words else None
        assert found, f"no such command: {words}"
        command, words = found, words[1:]
    command.make_context(command.name, [SOMETHING.get(word, word) for word in words])


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
    found = list(commands(page, "ithaca"))
    assert found, "a page names at least one command"
    for words in found:
        read(words)


def test_a_command_that_does_not_exist_is_found_out() -> None:
    for words in (["orders", "pin", "A"], ["orders", "list", "--why"], ["explain", "A", "B"], ["orderz"]):
        with pytest.raises((TyperException, AssertionError)):
            read(words)


@each_page
def test_every_metric_exists(page: Path) -> None:
    named = set(re.findall(r"\b(?:otp|process)_[a-z_]+", page.read_text()))
    assert sorted(named - METRIC_NAMES) == []


@each_page
def test_every_service_of_a_compose_command_exists(page: Path) -> None:
    for words in commands(page, "docker compose"):
        scaled = {one.split("=")[0] for one in words if "=" in one}
        named = {one for one in words[1:] if not one.startswith("-") and "=" not in one and not re.match(r"\d+m", one)}
        assert scaled | named <= {*services(), "NAME"}, words


@each_page
def test_every_link_leads_to_a_page(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).is_file()] == []

"""What a postmortem tells people to type."""

import re
from typing import Any

import pytest
import typer

from pipeline.reports.postmortem.tasks import TASKS
from pipeline.reports.postmortem.written import write
from tests.pipeline.reports.postmortem.made_up import FACTS
from workers.__main__ import app

COMMAND = re.compile(r"`ithaca ([a-z -]+)")


def named() -> set[str]:
    """Give every command that some task names."""
    told = [task for tasks in TASKS.values() for task in tasks]
    return {command.strip() for text in (*told, *write(FACTS).files.values()) for command in COMMAND.findall(text)}


@pytest.mark.parametrize("command", sorted(named()))
def test_every_command_that_a_task_names_exists(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for word in command.split():
        assert word in found.commands
        found = found.commands[word]

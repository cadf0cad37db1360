"""Where the help of `ithaca` lists the commands of drills, figures and simulator."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

NAMES = [
    *("demo", "up", "send", "verify", "status", "incidents", "postmortem", "dead-letters", "orders", "explain"),
    *("providers", "run", "topics", "settings", "check-journal", "drill", "bench", "simulate"),
]


def test_newcomers_find_the_demo_first_and_measurements_last() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers", "--help"], capture_output=True, text=True, timeout=60, check=True
    )

    _, _, commands = done.stdout.partition("Commands:\n")
    assert [line.split()[0] for line in commands.splitlines()] == NAMES

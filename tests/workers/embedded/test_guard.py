import os
import subprocess
import sys

import pytest

from workers.embedded import guard

pytestmark = pytest.mark.processes


def test_program_whose_starter_is_gone_is_not_started() -> None:
    gone = os.getpid() + 1  # anything but the process that starts it
    command = [sys.executable, guard.__file__, str(gone), guard.SAME, "/bin/echo", "started"]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode != 0
    assert ended.stdout == ""
    assert f"process {gone}, which wanted it, is gone" in ended.stderr


def test_program_keeps_the_process_id_of_its_guard() -> None:
    command = [sys.executable, guard.__file__, str(os.getpid()), guard.SAME, "/bin/sh", "-c", "echo $$"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.communicate()[0] == f"{started.pid}\n"


def test_bare_program_sees_nothing_of_the_environment() -> None:
    command = [sys.executable, guard.__file__, str(os.getpid()), guard.BARE, "/usr/bin/env"]

    ended = subprocess.run(command, env={"ITHACA_SECRET": "x"}, capture_output=True, text=True, check=True)

    assert ended.stdout == ""

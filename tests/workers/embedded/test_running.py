"""The file by which commands find a running system."""

import subprocess
import sys
from pathlib import Path

import pytest

from workers.embedded.errors import NotRunning
from workers.embedded.running import FILE, Running, forget, read_running, told

RUNNING = Running(pid=4711, urls={"api": "http://127.0.0.1:1"}, environ={"ITHACA_API__PORT": "1"})
TELLS = """
import os, signal, sys
from pathlib import Path
from workers.embedded.running import Running, told
with told(Path(sys.argv[1]), Running(pid=os.getpid(), urls={}, environ={})):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_told_is_read_while_it_is_told(tmp_path: Path) -> None:
    with told(tmp_path, RUNNING):
        assert read_running(tmp_path) == RUNNING
    assert read_running(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with told(tmp_path, RUNNING):
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_reading_disturbs_neither_the_system_nor_another_reader(tmp_path: Path) -> None:
    with told(tmp_path, RUNNING):
        assert [read_running(tmp_path) for _ in range(3)] == [RUNNING] * 3


@pytest.mark.processes
def test_file_of_a_killed_system_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", TELLS, str(tmp_path)], check=False)
    assert killed.returncode < 0
    with pytest.raises(
        NotRunning, match=r"running\.json: is left over from a system that was killed .* delete the file"
    ):
        read_running(tmp_path)
    forget(tmp_path)
    assert read_running(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}'])
def test_file_that_cannot_be_read_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(NotRunning, match=r"cannot be read .* delete it"):
        read_running(tmp_path)


def test_variables_do_not_show_in_a_repr() -> None:
    assert "ITHACA" not in repr(RUNNING)

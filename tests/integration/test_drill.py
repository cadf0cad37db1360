"""`ithaca drill` on the real system: that it runs, what it prints, and that nothing is left behind."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest

KEYS = {
    *("drill", "detected_s", "drained_s", "requested", "swallowed", "rescued", "undelivered", "notify_undelivered"),
    *("cause", "not_cause", "moved_wrongly", "duplicates_unexcused"),
}
NEVER = ("lost", "late", "mixed", "misrouted", "duplicates_unexcused", "undelivered")
READY_WITHIN_S = 60.0


def command(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "workers", "drill", name, "--quick", "--json", "-")


@pytest.fixture
def folder(tmp_path: Path, jars: Path) -> Path:
    shutil.copytree(jars, tmp_path / ".cache" / "jars")
    return tmp_path


def left_behind(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cwd"]) if _is_in(process, folder)]


def _is_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether a process works in the folder or names it on its command line."""
    try:
        return any(str(folder) in text for text in (process.cwd(), *process.cmdline()))
    except psutil.Error:
        return False


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["provider-token", pytest.param("gateway-setting", marks=pytest.mark.slow)])
def test_drill_breaks_the_leader_loses_no_code_and_prints_one_object(name: str, folder: Path) -> None:
    done = subprocess.run(command(name), cwd=folder, capture_output=True, text=True, timeout=230, check=False)

    assert done.stderr == "", done.stdout + done.stderr
    found = orjson.loads(done.stdout.splitlines()[-1])
    assert found.keys() >= KEYS
    assert found["drill"] == name
    assert found["requested"] > 200
    assert found["swallowed"] == found["rescued"] > 0
    assert {figure: found[figure] for figure in NEVER} == dict.fromkeys(NEVER, 0)
    assert (done.returncode == 0) is found["met"]
    assert not left_behind(folder)


def test_drill_that_is_interrupted_stops_everything(folder: Path) -> None:
    drill = subprocess.Popen(command("provider-token"), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ready = folder / ".ithaca" / "drill" / "provider-token" / "running.json"
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.1)

    drill.send_signal(signal.SIGINT)
    _, said = drill.communicate(timeout=60)

    assert drill.returncode == 1
    assert said.decode().endswith("error: stopped by SIGINT\n")
    assert not left_behind(folder)

"""`ithaca drill` on the real system: that it runs, what it prints, and that nothing is left behind."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from bench.drills.drills import DRILLS
from tests.processes import guarded, working_in

KEYS = {
    *("drill", "detected_s", "drained_s", "requested", "swallowed", "rescued", "undelivered", "notify_undelivered"),
    *("cause", "not_cause", "moved_wrongly", "duplicates_unexcused"),
}
NEVER = ("lost", "late", "mixed", "misrouted", "duplicates_unexcused", "undelivered")
READY_WITHIN_S = 60.0
QUICK = [drill.name for drill in DRILLS if drill.quick and drill.steps]


def command(name: str) -> tuple[str, ...]:
    return guarded(sys.executable, "-m", "workers", "drill", name, "--quick", "--json", "-")


def start(name: str, folder: Path, jars: Path) -> "subprocess.Popen[str]":
    shutil.copytree(jars, folder / ".cache" / "jars")
    return subprocess.Popen(command(name), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def folder(tmp_path: Path, jars: Path) -> Path:
    shutil.copytree(jars, tmp_path / ".cache" / "jars")
    return tmp_path


@pytest.mark.timeout(300)
def test_the_short_set_of_drills_loses_no_code_and_prints_one_object_each(tmp_path: Path, jars: Path) -> None:
    # Both at once, each on a system of its own: nothing that is asked of them here depends on their speed.
    running = {name: start(name, tmp_path / name, jars) for name in QUICK}
    for name, drill in running.items():
        printed, said = drill.communicate(timeout=280)
        assert said == "", printed + said
        found = orjson.loads(printed.splitlines()[-1])
        assert found.keys() >= KEYS
        assert found["drill"] == name
        assert found["requested"] > 200
        assert found["swallowed"] == found["rescued"] > 0
        assert {figure: found[figure] for figure in NEVER} == dict.fromkeys(NEVER, 0)
        assert (drill.returncode == 0) is found["met"]
    assert not working_in(tmp_path)


@pytest.mark.slow
def test_whatever_one_caller_writes_every_other_callers_codes_go_on(tmp_path: Path, jars: Path) -> None:
    drill = start("strange-records", tmp_path / "strange", jars)
    printed, said = drill.communicate(timeout=110)
    assert said == "", printed + said
    found = orjson.loads(printed.splitlines()[-1])
    assert {figure: found[figure] for figure in (*NEVER, "ended", "taken_back_sent")} == dict.fromkeys(
        (*NEVER, "ended", "taken_back_sent"), 0
    )
    assert found["cause"] == "records"
    assert found["evidence_age_s"] is not None


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
    assert not working_in(folder)

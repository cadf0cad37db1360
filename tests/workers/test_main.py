"""The command line, as a real process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workers.sample_workers import SECRET

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
ITHACA = str(Path(sys.executable).with_name("ithaca"))
NOTHING: Mapping[str, str] = {}
SAMPLES = (sys.executable, "-m", "tests.workers.sample_workers", "run")


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ITHACA_")}
    return {**clean, "PYTHONPATH": str(ROOT), **environ}


def ithaca(
    folder: Path, *args: str, entry: tuple[str, ...] = (ITHACA,), environ: Mapping[str, str] = NOTHING
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*entry, *args], cwd=folder, env=surroundings(environ), capture_output=True, text=True, timeout=30, check=False
    )


@contextmanager
def running(worker: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a sample worker until it has said that it started, and leave none behind."""
    process = subprocess.Popen(
        [*SAMPLES, worker, "--json", "-"], cwd=ROOT, env=surroundings({}), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "worker.started"
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("setings",), "No such command 'setings'. Did you mean 'settings'?"),
        (("settings", "--jsn", "-"), "--json"),
        (("run", "dispach"), "No such worker 'dispach'; did you mean dispatch?"),
        (("run", "nothing"), "there are: api, dispatch, ops, receipts"),
    ],
)
def test_mistyped_word_is_answered_with_the_word_that_was_meant(
    tmp_path: Path, args: tuple[str, ...], text: str
) -> None:
    done = ithaca(tmp_path, *args)
    assert done.returncode == 2
    assert text in done.stderr


@pytest.mark.parametrize(
    ("args", "toml", "environ", "says"),
    [
        (("settings",), "[otp]\nttl = 3", {}, ("ithaca.toml:2", "otp.ttl", "ttl_s")),
        (("run", "dispatch"), "otp.ttl_s = '5m'", {}, ("ithaca.toml:1", "otp.ttl_s", "300")),
        (("run", "api"), "", {"ITHACA_OTP__TTL_S": "900"}, ("ITHACA_OTP__TTL_S", "otp.ttl_s", "30 to 600")),
        (("run", "receipts"), "routes.GB.carrier-a = 50", {}, ("ithaca.toml:1", "routes.GB", "100 percent")),
        (("settings",), "keys.codes.k = 'file:/not/there'", {}, ("ithaca.toml:1", "keys.codes.k", "create it")),
        (("topics",), "environment = 'production'", {}, ("ithaca.toml", "keys.codes", "write a key ring")),
        (("settings",), "", {"ITHACA_CONFIG": "gone.toml"}, ("gone.toml", "ITHACA_CONFIG", "create it")),
        (("settings", "--config", "gone.toml"), "", {}, ("gone.toml", "--config", "create it")),
    ],
)
def test_wrong_setting_ends_the_process_at_once_with_code_2(
    tmp_path: Path, args: tuple[str, ...], toml: str, environ: dict[str, str], says: tuple[str, ...]
) -> None:
    (tmp_path / "ithaca.toml").write_text(toml)
    done = ithaca(tmp_path, *args, environ=environ)
    assert done.returncode == 2
    assert [part for part in says if part not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr


def test_settings_as_json_are_one_object_on_the_last_line(tmp_path: Path) -> None:
    done = ithaca(tmp_path, "settings", "--json", "-", environ={"ITHACA_OTP__DIGITS": "8"})
    document = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0
    assert document["settings"]["otp.digits"] == {"value": 8, "source": "ITHACA_OTP__DIGITS"}


def test_json_goes_to_a_file_on_request(tmp_path: Path) -> None:
    assert ithaca(tmp_path, "settings", "--json", "out.json").returncode == 0
    assert len(json.loads((tmp_path / "out.json").read_text())["config"]) == 12


def test_json_that_cannot_be_written_is_a_wrong_command_line(tmp_path: Path) -> None:
    done = ithaca(tmp_path, "settings", "--json", "not/there.json")
    assert done.returncode == 2
    assert "not/there.json cannot be written" in done.stderr


def test_template_that_costs_a_segment_more_for_one_sign_is_named_and_no_fault(tmp_path: Path) -> None:
    template = "{code} es su c\xf3digo. No lo comparta nunca con nadie, tampoco con nuestros empleados."

    done = ithaca(tmp_path, "settings", "--json", "-", environ={"ITHACA_CALLERS__DEMO__TEMPLATES__ES": template})

    said = "has \xf3 (LATIN SMALL LETTER O WITH ACUTE), which GSM-7 has not: a message takes 2 segments instead of 1"
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["warnings"] == {"callers.demo.templates.es": said}
    assert f"warning: callers.demo.templates.es {said}" in done.stderr


def test_settings_file_may_be_named_before_or_after_the_command(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("otp.digits = 9")
    for args in (("--config", "my.toml", "settings"), ("settings", "--config", "my.toml")):
        assert "my.toml:1" in ithaca(tmp_path, *args).stdout


def test_secret_from_the_environment_shows_as_its_reference_only(tmp_path: Path) -> None:
    (tmp_path / "ithaca.toml").write_text("callers.demo.api_key = 'env:API_KEY'")
    done = ithaca(tmp_path, "settings", "--json", "-", environ={"API_KEY": SECRET})
    assert "env:API_KEY" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_secret_file_that_others_can_read_is_refused_in_production(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("11" * 32)
    (tmp_path / "key").chmod(0o644)
    (tmp_path / "ithaca.toml").write_text("environment = 'production'\nkeys.codes.k = 'file:key'")
    assert "keys.codes.k refers to the file key" in ithaca(tmp_path, "settings").stderr


@pytest.mark.parametrize("args", [(), ("run",), ("settings",), ("topics",)])
def test_every_command_explains_itself(tmp_path: Path, args: tuple[str, ...]) -> None:
    done = ithaca(tmp_path, *args, "--help", entry=(sys.executable, "-m", "workers"))
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_signal_stops_a_worker_politely() -> None:
    with running("polite") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert [said(process)["event"] for _ in range(2)] == ["worker.stopping", "worker.stopped"]
        assert said(process)["exit_code"] == 0


def test_second_signal_ends_a_worker_that_does_not_stop() -> None:
    with running("stubborn") as process:
        process.send_signal(signal.SIGINT)
        assert said(process)["event"] == "worker.stopping"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 1


def test_failure_is_logged_by_type_and_place_only_and_ends_with_code_1() -> None:
    done = ithaca(ROOT, "failing", entry=SAMPLES)
    line = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert (line["event"], line["error_type"]) == ("worker.failed", "ValueError")
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("worker", "code", "text"),
    [
        ("refused", 1, "error: topic otp.requests has 1 partition; add 7"),
        ("misconfigured", 2, "admin.port: cannot listen"),
        ("ending", 1, ""),
    ],
)
def test_end_that_nobody_asked_for_has_its_exit_code(worker: str, code: int, text: str) -> None:
    done = ithaca(ROOT, worker, entry=SAMPLES)
    assert done.returncode == code
    assert text in done.stderr

"""`ithaca simulate`, as a real process."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

pytestmark = pytest.mark.processes

ITHACA = (sys.executable, "-m", "workers", "simulate")
LITTLE = ("--rate", "1", "--minutes", "4", "--seeds", "2")
KEYS = {
    "lost_per_1000",
    "detect_p50_s",
    "detect_p95_s",
    "calm_lost_per_1000",
    "moves_per_calm_hour",
    "undelivered_per_1000",
}


def simulate(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*ITHACA, *args], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_figures_of_every_policy_are_one_object_on_the_last_line(tmp_path: Path) -> None:
    done = simulate(tmp_path, *LITTLE, "--json", "-")
    found = orjson.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0
    assert (found["world"], found["seeds"], found["rate"]) == ("standard", 2, 1)
    assert set(found["policies"]) == {"ithaca", "last_125", "ewma", "breaker", "static", "notify", "oracle"}
    assert all(figures.keys() >= KEYS for figures in found["policies"].values())
    assert found["cores"] >= 1


def test_same_seeds_give_the_same_figures(tmp_path: Path) -> None:
    one, two = (simulate(tmp_path, *LITTLE, "--policies", "ithaca,ewma", "--json", "-") for _ in range(2))
    assert one.stdout.splitlines()[-1] == two.stdout.splitlines()[-1]


def test_pictures_are_drawn_on_request(tmp_path: Path) -> None:
    done = simulate(tmp_path, *LITTLE, "--world", "flapping", "--policies", "static,oracle", "--plots", "drawn")
    assert done.returncode == 0, done.stderr
    for name in ("flapping-lost.png", "flapping-static.png"):
        assert (tmp_path / "drawn" / name).read_bytes().startswith(b"\x89PNG")


def test_pictures_without_matplotlib_name_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError(name='matplotlib')")
    done = simulate(tmp_path, *LITTLE, "--plots", "drawn")
    assert done.returncode == 2
    assert "pip install 'ithaca-otp[plots]'" in done.stderr


def test_world_or_policy_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    assert "standard" in simulate(tmp_path, "--world", "sunny").stderr
    done = simulate(tmp_path, "--policies", "ithaca,guess")
    assert done.returncode == 2
    assert "oracle" in done.stderr

"""`ithaca bench`, with as little work as possible: that it runs and what it prints, never how fast it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

KEYS = {
    "pipeline": {"rate_ratio", "cpu_ratio", "cpu_ratio_whole", "client_us", "dispatcher_us", "pairs", "messages"},
    "kill": {
        "lost",
        "duplicates_excused",
        "duplicates_unexcused",
        "contiguous_would_repeat",
        "handed_over_at_the_kill",
    },
    "latency": {"accept_to_handover_p50_ms", "accept_to_handover_p99_ms", "verified"},
    "memory": {"memory_mib", "cores_used", "verified"},
    "adapters": {"adapters", "forged"},
    "decision": {"providers"},
    "routing": {"us_per_cell_and_second", "core_share_of_1600_cells"},
    "stats": {"one_process", "two_processes", "age_max_s", "age_p50_s"},
    "ops": {"memory_mib", "shown_p50_s", "shown_p95_s", "page_kib", "first_paint_ms"},
}
SLOW = ("pipeline", "kill", "latency", "memory", "stats", "ops")
MACHINE = {"cores", "memory_gib"}


@pytest.mark.parametrize(
    "figure",
    [
        "adapters",
        "decision",
        "routing",
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    ],
)
def test_figure_is_measured_and_printed(figure: str, tmp_path: Path, jars: Path) -> None:
    shutil.copytree(jars, tmp_path / ".cache" / "jars")
    command = (sys.executable, "-m", "workers", "bench", figure, "--quick", "--json", "-")

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert orjson.loads(done.stdout.splitlines()[-1]).keys() >= KEYS[figure] | MACHINE

"""`ithaca demo`: the whole system, as a newcomer first sees it."""

import shutil
import subprocess
import sys
from pathlib import Path

import orjson

from tests.processes import guarded, working_in

KEYS = {
    "requested",
    "accepted",
    "handed_over",
    "delivered",
    "verified",
    "dead",
    "expired",
    "lost",
    "duplicates_excused",
    "duplicates_unexcused",
    "accept_to_handover_p50_ms",
    "accept_to_handover_p99_ms",
    "drill",
}
CALM = 60  # requests before the outage
COUNTED = ("requested", "accepted", "handed_over", "delivered", "verified")


def test_demo_delivers_and_verifies_every_code_through_an_outage_and_leaves_nothing_behind(
    tmp_path: Path, jars: Path
) -> None:
    shutil.copytree(jars, tmp_path / ".cache" / "jars")
    command = guarded(sys.executable, "-m", "workers", "demo", "--seconds", "4", "--rate", "15", "--json", "-")

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=115, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    assert figures.keys() >= KEYS
    assert len({figures[name] for name in COUNTED}) == 1
    assert figures["requested"] > CALM + figures["drill"]["requested"]
    assert {figures[name] for name in ("dead", "expired", "lost", "duplicates_excused", "duplicates_unexcused")} == {0}
    assert figures["drill"]["swallowed"] == figures["drill"]["rescued"] > 0
    assert not working_in(tmp_path)

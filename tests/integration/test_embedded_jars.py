from pathlib import Path

import pytest

from workers.embedded.jars import LOCK_FILE, kafka_jars
from workers.embedded.relock import resolve

pytestmark = pytest.mark.slow  # and need the network


async def test_jar_is_fetched_from_the_maven_repository(tmp_path: Path) -> None:
    (line,) = (line for line in LOCK_FILE.read_text().splitlines() if "slf4j-simple" in line)
    lock = tmp_path / "one.lock"
    lock.write_text(f"{line}\n")

    (jar,) = await kafka_jars(tmp_path / "cache", lock=lock)

    assert jar.read_bytes().startswith(b"PK")


def test_lock_file_is_what_jgo_resolves(tmp_path: Path) -> None:
    assert resolve(tmp_path).splitlines() == LOCK_FILE.read_text().splitlines()

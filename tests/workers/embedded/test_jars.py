import asyncio
import hashlib
from pathlib import Path, PurePosixPath

import pytest

from workers.embedded.errors import JarDiffers, JarsUnavailable
from workers.embedded.jars import LOCK_FILE, kafka_jars, read_lock

CONTENT = {"org/a/1/a-1.jar": b"first", "org/b/2/b-2.jar": b"second"}


class Repository:
    """A Maven repository in memory that counts what is asked of it."""

    def __init__(self) -> None:
        self.content = dict(CONTENT)
        self.asked: list[str] = []

    def fetch(self, cache: Path, path: PurePosixPath) -> None:
        self.asked.append(str(path))
        (cache / path).parent.mkdir(parents=True, exist_ok=True)
        (cache / path).write_bytes(self.content[str(path)])


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "test.lock"
    file.write_text("".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in CONTENT.items()))
    return file


@pytest.fixture
def repository() -> Repository:
    return Repository()


async def test_class_path_follows_the_lock_file(tmp_path: Path, lock: Path, repository: Repository) -> None:
    jars = await kafka_jars(tmp_path / "cache", lock=lock, fetch=repository.fetch)

    assert jars == tuple(tmp_path / "cache" / path for path in CONTENT)


async def test_filled_cache_is_not_fetched_again(tmp_path: Path, lock: Path, repository: Repository) -> None:
    await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch)
    repository.asked.clear()

    await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch)

    assert repository.asked == []


async def test_damaged_jar_is_fetched_again(tmp_path: Path, lock: Path, repository: Repository) -> None:
    await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch)
    repository.asked.clear()
    (tmp_path / "org/b/2/b-2.jar").write_bytes(b"sec")

    await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch)

    assert repository.asked == ["org/b/2/b-2.jar"]


async def test_jar_with_another_hash_is_refused_and_removed(tmp_path: Path, lock: Path, repository: Repository) -> None:
    repository.content["org/b/2/b-2.jar"] = b"changed on the way"

    with pytest.raises(JarDiffers, match=r"b-2\.jar as fetched has the SHA-256 \w{64}"):
        await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch)

    assert not (tmp_path / "org/b/2/b-2.jar").exists()


async def test_unreachable_repository_is_an_error_that_says_what_to_do(tmp_path: Path, lock: Path) -> None:
    def unreachable(_cache: Path, _path: PurePosixPath) -> None:
        raise ConnectionError

    with pytest.raises(JarsUnavailable, match="check the network"):
        await kafka_jars(tmp_path, lock=lock, fetch=unreachable)


async def test_two_runs_that_share_a_cache_fetch_each_jar_once(
    tmp_path: Path, lock: Path, repository: Repository
) -> None:
    runs = [kafka_jars(tmp_path, lock=lock, fetch=repository.fetch) for _ in range(2)]
    await asyncio.gather(*runs)

    assert sorted(repository.asked) == sorted(CONTENT)


async def test_progress_is_told_from_what_is_there_to_all(tmp_path: Path, lock: Path, repository: Repository) -> None:
    told: list[tuple[int, int]] = []

    await kafka_jars(tmp_path, lock=lock, fetch=repository.fetch, progress=lambda *step: told.append(step))

    assert told == [(0, 2), (1, 2), (2, 2)]


def test_lock_file_names_one_kafka_and_a_logger_that_fits_its_slf4j() -> None:
    names = [PurePosixPath(path).name for path in read_lock(LOCK_FILE)]

    assert len(names) == 46
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar"} <= set(names)
    assert {"slf4j-api-1.7.36.jar", "slf4j-simple-1.7.36.jar"} <= set(names)

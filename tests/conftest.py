"""The real servers that tests share, one Kafka and one Valkey for the whole run, and which tests start processes."""

import asyncio
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from workers.embedded.jars import kafka_jars
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.valkey import EmbeddedValkey

# `make test-all` searches on, however slow the machine, and prints what replays a failure.
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Everything else tries the same cases at each run: a merge must not depend on luck.
settings.register_profile("repeatable", settings.get_profile("searching"), derandomize=True)
settings.load_profile("repeatable")
# `make quick` tries the first few of them.
settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=10)

PROCESSES = "processes"
STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"})  # audit events
running = pytest.StashKey[pytest.Item]()


def pytest_configure(config: pytest.Config) -> None:
    """Let no process start within a test that is not marked: `make quick` could not leave it out."""

    def refuse(event: str, _: object, starts: frozenset[str] = STARTS) -> None:  # outlives the names of this module
        test = config.stash.get(running, None) if event in starts else None
        if test and not test.get_closest_marker(PROCESSES):
            pytest.fail(f"{test.nodeid} starts a process: mark it with @pytest.mark.{PROCESSES}", pytrace=False)

    sys.addaudithook(refuse)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the shared servers, and begin with the files of whole systems: these wait a lot.

    The many short tests then fill up the end. What else starts processes says so by its mark, or fails.
    """
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker(PROCESSES)
    waiting = {item.path for item in items if item.get_closest_marker(PROCESSES)}
    items.sort(key=lambda item: item.path not in waiting)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know which test runs."""
    item.config.stash[running] = item
    try:
        return (yield)
    finally:
        del item.config.stash[running]


@pytest.fixture(scope="session")
def jars(servers: asyncio.AbstractEventLoop) -> Path:
    """Give the folder with Kafka's jars, the one that `make demo` uses; what is missing there is fetched first."""
    folder = Path(__file__).parents[1] / ".cache" / "jars"
    servers.run_until_complete(kafka_jars(folder))
    return folder


@pytest.fixture(scope="session")
def servers() -> Iterator[asyncio.AbstractEventLoop]:
    """Give the servers a loop of their own, for their start and stop: they outlive the loop of any one test."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture(scope="session")
def kafka(
    servers: asyncio.AbstractEventLoop, jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedKafka]:
    """Start Kafka for all tests: leave it running, and make topics and groups under `prefix` only."""
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"), cache=jars)
    servers.run_until_complete(kafka.start())
    yield kafka
    servers.run_until_complete(kafka.stop())


@pytest.fixture(scope="session")
def valkey(servers: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """Start Valkey for all tests: leave it running, and make keys under `prefix` only."""
    valkey = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    servers.run_until_complete(valkey.start())
    yield valkey
    servers.run_until_complete(valkey.stop())


@pytest.fixture
def prefix() -> str:
    """Set the topics, groups and keys of this test apart from those of all others."""
    return f"t{uuid.uuid4().hex[:12]}."

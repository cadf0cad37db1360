"""Who may read and write which topic: a broker enforces the table of docs/how-to/deploy.md, which is enough to work."""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from confluent_kafka import TopicCollection

from pipeline.records.topics import TOPICS
from tests.compose.guarded_kafka import GuardedKafka, rules
from tests.compose.stack import FOLDER, PROJECT, services, variables, workers
from workers.embedded.jars import kafka_jars
from workers.embedded.ports import LOOPBACK, free_ports
from workers.embedded.process import Process, ProcessSpec
from workers.embedded.readiness import http_ready
from workers.embedded.valkey import EmbeddedValkey

NAMES = [topic.name for topic in TOPICS]
JOBS = sorted(workers().keys() - {"topics"})
LETTERS = {"READ": "R", "WRITE": "W"}
ATTEMPTED_S = 20.0
# Whatever an operator does: orders are written, dead letters and incidents read, groups and topics looked at.
OPERATORS = (
    "orders hold --country GB --reason drill --for 5m --author test",
    "orders list",
    "dead-letters list",
    "dead-letters redrive --dry-run",
    "incidents list",
)


def table() -> dict[str, dict[str, set[str]]]:
    """Give the table of docs/how-to/deploy.md: role -> topic -> letters."""
    text = (PROJECT / "docs" / "how-to" / "deploy.md").read_text()
    head, _, *rows = ("| topic |" + text.split("| topic |")[1].split("\n\n")[0]).splitlines()
    roles = [cell.strip() for cell in head.strip("|").split("|")][1:]
    found: dict[str, dict[str, set[str]]] = {role: {} for role in roles}
    for row in rows:
        topic, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        for role, cell in zip(roles, cells, strict=True):
            found[role][topic.strip("`")] = set(cell.split())
    return found


@pytest.fixture(scope="module")
def guarded(
    servers: asyncio.AbstractEventLoop, jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuardedKafka]:
    paths = servers.run_until_complete(kafka_jars(jars))
    kafka = GuardedKafka(tmp_path_factory.mktemp("guarded"), ":".join(map(str, paths)))
    try:
        servers.run_until_complete(kafka.start())
        kafka.allow()
        kafka.create_topics()
        yield kafka
    finally:
        servers.run_until_complete(kafka.stop())


def test_the_table_has_every_topic_and_every_role() -> None:
    assert table().keys() == {role for role, *_ in rules()}
    assert {*JOBS} < table().keys()
    assert all([*topics] == NAMES for topics in table().values())


@pytest.mark.processes
def test_the_script_gives_kafka_every_rule_of_the_file(tmp_path: Path) -> None:
    text = (FOLDER / "kafka" / "acls.sh").read_text()
    (tmp_path / "kafka-admin").write_text("secret")
    text = text.replace("config=/tmp", f"config={tmp_path}").replace("/run/secrets", str(tmp_path))
    text = text.replace("/opt/kafka/bin/kafka-acls.sh", "echo")
    text = text.replace("/etc/ithaca", str(FOLDER / "kafka"))
    done = subprocess.run(["/bin/sh"], input=text, capture_output=True, text=True, env={"BOOTSTRAP": "b"}, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    for words, (role, operations, kind, names) in zip(said, rules(), strict=True):
        assert words[4:7] == ["--add", "--allow-principal", f"User:{role}"]
        assert [one for flag, one in pairwise(words) if flag == "--operation"] == operations
        assert [one for flag, one in pairwise(words) if flag == f"--{kind}"] == [name.strip("*") for name in names]
        assert ("prefixed" in words) == any(name.endswith("*") for name in names)


@pytest.mark.parametrize("role", table())
def test_a_broker_lets_each_role_do_what_the_table_says_and_nothing_else(guarded: GuardedKafka, role: str) -> None:
    admin = guarded.admin(role)
    described = admin.describe_topics(TopicCollection(NAMES), include_authorized_operations=True)
    allowed = {}
    for name, answer in described.items():
        refused = answer.exception()
        operations = set() if refused else {one.name for one in answer.result().authorized_operations}
        assert operations <= {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}
        allowed[name] = {LETTERS[one] for one in operations & LETTERS.keys()}
    assert allowed == table()[role]


async def test_every_process_works_with_the_rights_that_it_has(guarded: GuardedKafka, tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "valkey") as valkey:
        environs = {
            name: environment(name, guarded, valkey.url, port)
            for name, port in zip(JOBS, free_ports(len(JOBS)), strict=True)
        }
        async with running(environs, tmp_path):
            await ask(environs["api"], (guarded.secrets / "shop-api-key").read_text().strip())
            async with asyncio.timeout(ATTEMPTED_S):
                while not await attempted(environs["dispatch"]):
                    await asyncio.sleep(0.2)
            await asyncio.gather(*(typed(command, environs["ops"]) for command in OPERATORS))
    assert guarded.denials(JOBS) == []


async def typed(command: str, env: dict[str, str]) -> None:
    """Run `ithaca` as an operator does, in the container of the page."""
    told = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", *command.split()), env=env, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await told.communicate()
    assert told.returncode == 0, said.decode()


@asynccontextmanager
async def running(environs: dict[str, dict[str, str]], folder: Path) -> AsyncIterator[None]:
    """Run processes with these settings until all are ready, and while the block runs."""
    processes = [process(name, env, folder) for name, env in environs.items()]
    try:
        for one in processes:
            one.spawn()
        await asyncio.gather(*(one.wait_ready() for one in processes))
        yield
    finally:
        await asyncio.gather(*(one.stop() for one in processes))


def process(name: str, env: dict[str, str], folder: Path) -> Process:
    spec = ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "workers", "run", name),
        ready=http_ready(f"{address(env)}/readyz"),
        env=env,
    )
    return Process(spec, folder / f"{name}.log")


def address(env: dict[str, str]) -> str:
    """Give where a process with these settings answers."""
    return f"http://{LOOPBACK}:{env['ITHACA_ADMIN__PORT']}"


def environment(name: str, kafka: GuardedKafka, store: str, port: int) -> dict[str, str]:
    """Give compose's settings of a process; only places differ, and the store has no TLS."""
    given = {**variables(), **services()[name]["environment"]}
    placed = {key: value.replace("/run/secrets", str(kafka.secrets)) for key, value in given.items()}
    here = {key: str(port) for key in placed if key.endswith("__PORT")}
    here |= {key: LOOPBACK for key in placed if key.endswith("__HOST")}
    here |= {f"ITHACA_PROVIDERS__{one}__BASE_URL": "https://127.0.0.1:1" for one in ("FIRST", "SECOND")}  # nobody
    here |= {
        "ITHACA_PROVIDERS__SECOND__OPTIONS": "",
        "ITHACA_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "ITHACA_KAFKA__REPLICATION": "1",
        "ITHACA_KAFKA__MIN_INSYNC": "1",
        "ITHACA_STATE__URL": store,
        "ITHACA_STATE__PASSWORD": "",
    }
    return {**placed, **here, "PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)}


async def ask(env: dict[str, str], key: str) -> None:
    """Ask for a code at the HTTP door."""
    body = {"to": "+447700900123", "purpose": "login", "locale": "en"}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{address(env)}/v1/otp", json=body) as answer,
    ):
        assert answer.status == 202, await answer.text()


async def attempted(env: dict[str, str]) -> bool:
    """Tell whether a dispatcher has tried to hand something over."""
    async with aiohttp.ClientSession() as session, session.get(f"{address(env)}/metrics") as answer:
        return "otp_attempts_total{" in await answer.text()

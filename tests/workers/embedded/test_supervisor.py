import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workers.embedded.children import CHILD, alive, child, events, until, wait_until
from workers.embedded.errors import EmbeddedError, StartFailed
from workers.embedded.restarts import RestartPolicy
from workers.embedded.supervisor import ProcessStatus, State, Supervisor

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
QUICK = RestartPolicy(first_s=0.05, longest_s=0.4)


async def test_stages_start_in_order_and_stop_in_reverse_order(tmp_path: Path) -> None:
    stages = [[child(name, tmp_path)] for name in ("broker", "worker", "door")]

    async with Supervisor(stages, logs=tmp_path / "logs").running():
        assert events(tmp_path) == ["broker starts", "worker starts", "door starts"]

    assert events(tmp_path)[3:] == ["door stops", "worker stops", "broker stops"]


async def test_processes_of_one_stage_start_together(tmp_path: Path) -> None:
    needs_the_other = (
        "import pathlib, sys, time\nfolder = pathlib.Path(sys.argv[2])\n"
        "(folder / f'{sys.argv[1]}.up').touch()\n"
        "while len(list(folder.glob('*.up'))) < 2: time.sleep(0.01)\n"
        "(folder / f'{sys.argv[1]}.ready').touch()\n"
        "time.sleep(60)"
    )
    stage = [child(name, tmp_path, needs_the_other) for name in ("one", "two")]

    async with Supervisor([stage], logs=tmp_path / "logs").running() as supervisor:
        assert {status.state for status in supervisor.status()} == {State.READY}


async def test_output_of_each_process_is_in_its_own_file(tmp_path: Path) -> None:
    talks = (
        "import pathlib, sys, time\nprint(f'I am {sys.argv[1]}', flush=True)\n"
        "pathlib.Path(sys.argv[2], f'{sys.argv[1]}.ready').touch()\ntime.sleep(60)"
    )
    stage = [child(name, tmp_path, talks) for name in ("one", "two")]

    async with Supervisor([stage], logs=tmp_path / "logs").running():
        assert (tmp_path / "logs" / "one.log").read_text() == "I am one\n"
        assert (tmp_path / "logs" / "two.log").read_text() == "I am two\n"


async def test_failed_start_stops_what_had_started(tmp_path: Path) -> None:
    stages = [[child("broker", tmp_path)], [child("worker", tmp_path, "raise SystemExit('no')")]]

    with pytest.raises(StartFailed, match="worker ended with status 1"):
        async with Supervisor(stages, logs=tmp_path / "logs").running():
            pass

    assert events(tmp_path) == ["broker starts", "broker stops"]


async def test_killed_process_is_started_again(tmp_path: Path) -> None:
    async with Supervisor([[child("worker", tmp_path)]], logs=tmp_path, policy=QUICK).running() as supervisor:
        (before,) = supervisor.status()
        supervisor.kill("worker", signal.SIGKILL)
        await until(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state is State.READY)
        (after,) = supervisor.status()

    assert after.pid != before.pid


async def test_wait_grows_while_a_process_keeps_ending(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    ends_at_once = "import pathlib, sys; pathlib.Path(sys.argv[2], f'{sys.argv[1]}.ready').touch()"
    waits: list[float] = []
    starts: list[float] = []

    def on_change(status: ProcessStatus) -> None:
        if status.state is State.WAITING:
            waits.append(loop.time())
        if status.state is State.STARTING:
            starts.append(loop.time())

    stages = [[child("restless", tmp_path, ends_at_once)]]
    async with Supervisor(stages, logs=tmp_path, policy=QUICK, on_change=on_change).running():
        await until(lambda: len(starts) > 5)

    gaps = [start - wait for wait, start in zip(waits, starts[1:], strict=False)]
    for gap, at_least in zip(gaps, (0.05, 0.1, 0.2, 0.4, 0.4), strict=False):
        assert gap >= at_least


async def test_restart_that_fails_is_tried_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    fails_when_broken = f"import pathlib, sys\nif pathlib.Path({str(broken)!r}).exists(): sys.exit('broken')\n" + CHILD
    spec = child("worker", tmp_path, fails_when_broken)
    async with Supervisor([[spec]], logs=tmp_path, policy=QUICK).running() as supervisor:
        (tmp_path / "worker.ready").unlink()
        broken.touch()
        supervisor.kill("worker")
        await until(lambda: supervisor.status()[0].restarts >= 2)
        broken.unlink()
        await until(lambda: supervisor.status()[0].state is State.READY)


async def test_process_stopped_on_purpose_stays_stopped_until_started(tmp_path: Path) -> None:
    async with Supervisor([[child("worker", tmp_path)]], logs=tmp_path, policy=QUICK).running() as supervisor:
        await supervisor.stop_one("worker")
        (stopped,) = supervisor.status()
        await supervisor.start_one("worker")
        (started,) = supervisor.status()

    assert (stopped.state, stopped.restarts) == (State.STOPPED, 0)
    assert (started.state, started.restarts) == (State.READY, 0)


async def test_unknown_name_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    async with Supervisor([[child("worker", tmp_path)]], logs=tmp_path).running() as supervisor:
        with pytest.raises(EmbeddedError, match="no process is named 'wroker': there are worker"):
            supervisor.kill("wroker")


@contextmanager
def supervisor_process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Run a supervisor with two children in a process group of its own; give it and the children's ids."""
    command = [sys.executable, "-m", "tests.workers.embedded.supervise", str(folder), *arguments]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE) as supervisor:
        try:
            wait_until(lambda: (folder / "pids").exists() and (folder / "pids").read_text().endswith("\n"))
            yield supervisor, [int(pid) for pid in (folder / "pids").read_text().split()]
        finally:
            supervisor.kill()


def test_kill_9_of_the_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as (supervisor, children):
        assert all(map(alive, children))
        supervisor.kill()
        wait_until(lambda: not any(map(alive, children)), within_s=5)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything_in_reverse_order(tmp_path: Path, signum: signal.Signals) -> None:
    with supervisor_process(tmp_path) as (supervisor, children):
        os.killpg(supervisor.pid, signum)  # as a terminal does
        _, errors = supervisor.communicate(timeout=20)

    assert events(tmp_path)[2:] == ["second stops", "first stops"]
    assert not any(map(alive, children))
    assert errors == f"stopped by {signum.name}\n".encode()


def test_second_signal_kills_what_does_not_stop(tmp_path: Path) -> None:
    with supervisor_process(tmp_path, "deaf") as (supervisor, children):
        supervisor.terminate()
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=10)  # the drain limit is 20 s

    assert not any(map(alive, children))


async def test_end_is_told_with_its_reason_and_ends_for_the_same_reason_are_counted(tmp_path: Path) -> None:
    told: list[ProcessStatus] = []
    fails = (
        "import pathlib, sys; pathlib.Path(sys.argv[2], f'{sys.argv[1]}.ready').touch()\n"
        "print('error: the disk is full', flush=True); sys.exit(1)"
    )
    supervisor = Supervisor([[child("worker", tmp_path, fails)]], logs=tmp_path, policy=QUICK, on_change=told.append)
    async with supervisor.running():
        await until(lambda: supervisor.status()[0].restarts >= 3)

    ends = [(one.why, one.alike) for one in told if one.state is State.WAITING]
    assert ends[:3] == [("ended with status 1: the disk is full", number) for number in (1, 2, 3)]

"""`ithaca up` in one terminal, and the other commands in another one."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.records.topics import TOPICS
from tests.integration.records import write
from tests.processes import guarded
from workers.embedded.running import read_running

ITHACA = str(Path(sys.executable).with_name("ithaca"))
NUMBER = "+447700900123"
WITHIN_S = 60.0


class Terminal:
    """A working directory in which commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("ITHACA_")}

    def type(self, *words: str, within_s: float = 100) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ITHACA, *words],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def ask(self, *words: str, code: int = 0, within_s: float = 100) -> Any:
        """Give the object on the last line."""
        done = self.type(*words, "--json", "-", within_s=within_s)
        assert done.returncode == code, done.stdout + done.stderr
        return orjson.loads(done.stdout.splitlines()[-1])

    def read(self, file: str) -> Any:
        return orjson.loads((self.folder / file).read_bytes())


@pytest.fixture(scope="module")
def terminal(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Give a directory in which `ithaca up` runs. Ctrl-C ends it with exit code 0 and nothing told any more."""
    terminal = Terminal(tmp_path_factory.mktemp("up"))
    jars.mkdir(parents=True, exist_ok=True)
    (terminal.folder / ".cache").mkdir()
    (terminal.folder / ".cache" / "jars").symlink_to(jars)
    with (terminal.folder / "up.out").open("wb") as out:
        process = subprocess.Popen(
            guarded(ITHACA, "up", "--json", "up.json"),
            cwd=terminal.folder,
            env=terminal.environ,
            stdout=out,
            stderr=out,
        )
    try:
        _wait_ready(terminal, process)
        yield terminal
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "stopped (SIGINT); the data stay" in (terminal.folder / "up.out").read_text()
        assert read_running(terminal.folder / ".ithaca" / "up") is None
    finally:
        process.kill()
        process.wait()


def _wait_ready(terminal: Terminal, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WITHIN_S
    while not (terminal.folder / "up.json").exists():
        assert process.poll() is None, (terminal.folder / "up.out").read_text()
        assert time.monotonic() < deadline, (terminal.folder / "up.out").read_text()
        time.sleep(0.1)


def arrived(terminal: Terminal) -> Any:
    """Send a code that arrives. Carriers lose 4 messages in 100, as real ones do: a person asks for another one."""
    for purpose in ("once", "twice", "thrice"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return terminal.ask("send", NUMBER, "--wait", "--purpose", purpose, within_s=50)
    raise AssertionError("three codes in a row did not arrive")


def test_code_is_sent_seen_on_the_handset_and_right_for_its_request_alone(terminal: Terminal) -> None:
    sent = arrived(terminal)
    code = re.findall(r"\d{6}", sent["arrived"]["text"])[0]

    right = terminal.ask("verify", sent["request_id"], code)
    elsewhere = terminal.ask("verify", "unknown-0123456789", code, code=1)

    assert (right["verified"], elsewhere["verified"]) == (True, False)
    assert sent["caller"] == "demo"


def test_what_is_printed_says_how_to_go_on(terminal: Terminal) -> None:
    done = terminal.type("send", NUMBER, "--purpose", "told")
    request_id = re.findall(r"request +(\S+)", done.stdout)[0]
    assert f"{ITHACA} verify {request_id} CODE" in done.stdout
    assert f"/carrier-a/handsets/{NUMBER}" in done.stdout


def test_status_shows_topics_groups_workers_providers_and_the_store(terminal: Terminal) -> None:
    status = terminal.ask("status")
    assert status["well"] is True
    assert [topic["name"] for topic in status["kafka"]["topics"]] == [topic.name for topic in TOPICS]
    members = {group["name"]: group["members"] for group in status["kafka"]["groups"]}
    assert members == {"otp.dispatch": 2, "otp.stats": 1}
    assert {worker["name"]: worker["ready"] for worker in status["workers"]} == dict.fromkeys(
        ("api", "receipts", "carrier", "ops", "dispatch-1", "dispatch-2", "stats-1"), True
    )
    assert {provider["name"]: provider["shares"] for provider in status["providers"]} == {
        "carrier-a": {"*": 50.0},
        "carrier-b": {"*": 30.0},
        "carrier-c": {"*": 20.0},
    }
    assert (status["state"]["answers"], status["state"]["durable"]) == (True, True)


def test_dead_letters_are_listed_newest_first_and_without_a_number(terminal: Terminal) -> None:
    request = {
        "request_id": "request-0123456789",
        "caller": "demo",
        "to": NUMBER,
        "purpose": "login",
        "issued_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-01T00:05:00Z",
    }
    bootstrap = terminal.read("up.json")["kafka"]
    write(bootstrap, "otp.requests", [b"no JSON", orjson.dumps(request), orjson.dumps(request | {"caller": "nobody"})])

    listed = _wait_dead(terminal, 3)

    times = [datetime.fromisoformat(letter["at"]) for letter in listed["dead_letters"]]
    assert times == sorted(times, reverse=True)
    assert {letter["reason"] for letter in listed["dead_letters"]} == {"undecodable", "plain_number", "unknown_caller"}
    (mine,) = terminal.ask("dead-letters", "list", "--reason", "plain_number")["dead_letters"]
    (other,) = terminal.ask("dead-letters", "list", "--caller", "nobody", "--limit", "1")["dead_letters"]
    assert (mine["caller"], other["reason"]) == ("demo", "unknown_caller")
    assert NUMBER not in orjson.dumps(listed).decode() + terminal.type("dead-letters", "list").stdout


def _wait_dead(terminal: Terminal, count: int) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while (listed := terminal.ask("dead-letters", "list"))["found"] < count:
        assert time.monotonic() < deadline, listed
    return listed


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("send", "447700900123"), 1, "error: the API answers 422: `to`: not E.164"),
        (("send", NUMBER, "--purpose", "a b"), 1, "`purpose`: not 1 to 64 letters"),
        (("send", NUMBER, "--ttl", "601"), 2, "less than or equal to 600"),
        (("send", NUMBER, "--caller", "dmo"), 2, "No such caller 'dmo'; did you mean demo?"),
        (("send", NUMBER, "--json", "not/there"), 2, "not/there cannot be written"),
        (("send", NUMBER, "--data", "elsewhere"), 1, "ithaca up --data elsewhere"),
        (("dead-letters", "list", "--reason", "expird"), 2, "did you mean expired?"),
        (("up",), 1, "another run is using the folder"),
    ],
)
def test_mistake_is_told_with_what_to_do(terminal: Terminal, words: tuple[str, ...], code: int, text: str) -> None:
    done = terminal.type(*words)
    assert (done.returncode, text in done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_taken_port_is_told_before_anything_starts(terminal: Terminal) -> None:
    port = terminal.read("up.json")["urls"]["api"].rpartition(":")[2]
    done = terminal.type("up", "--data", "another", "--api-port", port)
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr


def test_accounts_are_proved_without_sending(terminal: Terminal) -> None:
    well = terminal.ask("providers", "check")

    assert well["well"] is True
    assert [finding["provider"] for finding in well["findings"]] == ["carrier-a", "carrier-b", "carrier-c"]


def test_account_with_a_wrong_credential_is_named_with_what_to_do(terminal: Terminal) -> None:
    terminal.environ["ITHACA_PROVIDERS__CARRIER_B__CREDENTIAL"] = "dev:of-another"
    try:
        found = terminal.ask("providers", "check", code=1)
    finally:
        del terminal.environ["ITHACA_PROVIDERS__CARRIER_B__CREDENTIAL"]

    (wrong,) = [finding for finding in found["findings"] if finding["error"]]
    assert (wrong["provider"], wrong["what"], wrong["error"]) == ("carrier-b", "credential", "misconfigured")
    assert "credential" in wrong["remedy"]


def test_one_real_message_is_followed_to_its_receipt(terminal: Terminal) -> None:
    # 7 receipts in 100 never come, as from real carriers: three in a row are 3 in 10,000.
    done = [terminal.type("providers", "test", "carrier-a", "--to", NUMBER, "--wait", "30", "--json", "-")]
    while done[-1].returncode and len(done) < 3:
        done.append(terminal.type("providers", "test", "carrier-a", "--to", NUMBER, "--wait", "30", "--json", "-"))

    tried = orjson.loads(done[-1].stdout.splitlines()[-1])
    assert tried["delivered"] is True, done[-1].stdout + done[-1].stderr
    assert (tried["steps"][0]["what"], tried["steps"][-1]["what"]) == ("accepted", "receipt")
    assert tried["steps"][-1]["after_s"] > tried["steps"][0]["after_s"]


def test_exact_request_is_shown_without_its_secrets(terminal: Terminal) -> None:
    shown = terminal.ask("providers", "test", "carrier-a", "--to", NUMBER, "--dry-run")

    assert (shown["method"], shown["headers"]["Authorization"]) == ("POST", "Bearer ***")
    assert orjson.loads(shown["body"])["to"] == NUMBER


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("providers", "check", "carier-a"), "did you mean carrier-a?"),
        (("providers", "test", "carrier-a", "--to", "07700900123"), "write it like +447700900123"),
        (("providers", "chek"), "Did you mean 'check'?"),
    ],
)
def test_mistyped_provider_command_says_what_was_meant(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    done = terminal.type(*words)

    assert done.returncode == 2
    assert said in done.stderr

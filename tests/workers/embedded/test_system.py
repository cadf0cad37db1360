"""What the whole system tells the commands that are run beside it."""

from pathlib import Path

from pipeline.settings.parse import parse
from pipeline.settings.references import Found
from workers.embedded.system import PORTS, System

SECRET = "hunter2-is-a-secret"
NUMBER = "+447700900123"
ENVIRON = {
    "PATH": "/bin",
    "ITHACA_CONFIG": "/somewhere/my.toml",
    "ITHACA_OTP__DIGITS": "8",
    "ITHACA_OTP__TEST_NUMBERS": NUMBER,
    "ITHACA_CALLERS__DEMO__API_KEY": "env:ITHACA_KEY",
    "ITHACA_KEY": SECRET,
}


def find(kind: str, name: str) -> Found | None:
    return Found(data=ENVIRON[name].encode()) if kind == "env" else None


def a_system(folder: Path) -> System:
    system = System(folder, cache=folder, settings=parse(environ=ENVIRON, find=find), environ=ENVIRON)
    system.urls = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(PORTS, 1)}
    return system


def test_commands_beside_it_are_told_its_settings_but_no_secret_and_no_number(tmp_path: Path) -> None:
    told = a_system(tmp_path)._environ_beside()

    assert told["ITHACA_API__PORT"] == "1"
    assert {name: told.get(name) for name in ENVIRON} == {
        "PATH": None,
        "ITHACA_CONFIG": "/somewhere/my.toml",
        "ITHACA_OTP__DIGITS": "8",
        "ITHACA_OTP__TEST_NUMBERS": None,
        "ITHACA_CALLERS__DEMO__API_KEY": "env:ITHACA_KEY",
        "ITHACA_KEY": None,
    }


def test_its_own_processes_have_the_whole_environment(tmp_path: Path) -> None:
    assert a_system(tmp_path).environ().items() >= ENVIRON.items()

"""Where the settings of a command come from when a system runs beside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from pipeline.errors import BrokerAway, SettingsError
from pipeline.settings import Settings
from workers.cli.invocation import UP, Beside, Invocation, invocation, load, load_beside, naming_kafka
from workers.embedded.errors import NotRunning
from workers.embedded.running import Running, told

NOTHING: Mapping[str, str] = {}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_context(environ: Mapping[str, str] = NOTHING) -> typer.Context:
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    context.obj = Invocation(environ=environ)
    return context


@contextmanager
def running(folder: Path = UP, **environ: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with told(folder, Running(pid=1, urls={}, environ=environ)):
        yield


def beside(data: Path | None = None, **environ: str) -> Beside:
    return load_beside(a_context(environ), None, data)


def test_without_a_running_system_the_settings_are_the_plain_ones() -> None:
    assert beside().settings == load(a_context(), None)
    assert beside().running is None


def test_system_in_the_working_directory_is_found_and_named_as_the_source() -> None:
    with running(ITHACA_KAFKA__BOOTSTRAP="127.0.0.1:1234"):
        found = beside().settings
    assert found.kafka.bootstrap == "127.0.0.1:1234"
    assert found.origins["kafka.bootstrap"] == f"ITHACA_KAFKA__BOOTSTRAP of the system in {UP}"


def test_real_environment_lies_above_the_variables_of_the_system_and_these_above_the_file(folder: Path) -> None:
    (folder / "ithaca.toml").write_text("otp.digits = 7\notp.tries = 2\napi.port = 1")
    with running(ITHACA_OTP__DIGITS="8", ITHACA_OTP__TRIES="3"):
        found = beside(ITHACA_OTP__DIGITS="9").settings
    assert (found.otp.digits, found.otp.tries, found.api.port) == (9, 3, 1)
    assert found.origins["otp.digits"] == "ITHACA_OTP__DIGITS"


def test_another_folder_is_found_when_it_is_named() -> None:
    with running(ITHACA_OTP__DIGITS="8"), running(Path("other"), ITHACA_OTP__DIGITS="9"):
        assert beside(Path("other")).settings.otp.digits == 9


def test_folder_in_which_nothing_runs_is_an_error_that_says_how_to_start() -> None:
    with pytest.raises(NotRunning, match=r"other: no system runs there.*ithaca up --data other"):
        beside(Path("other"))


def test_left_over_file_is_an_error(folder: Path) -> None:
    with running():
        left_over = (folder / UP / "running.json").read_bytes()
    (folder / UP / "running.json").write_bytes(left_over)
    with pytest.raises(NotRunning, match="left over"):
        beside()


def test_commands_that_run_something_of_their_own_do_not_look_for_a_system() -> None:
    with running(ITHACA_OTP__DIGITS="8"):
        assert load(a_context(), None).otp.digits == 6


def test_processes_of_a_command_read_the_file_that_the_command_was_given(folder: Path) -> None:
    called = invocation(a_context({"PATH": "/bin"}), Path("my.toml"))
    assert called.environ_of_processes() == {"PATH": "/bin", "ITHACA_CONFIG": str(folder / "my.toml")}


def test_system_started_with_a_file_of_its_own_hands_it_to_the_commands_beside_it(folder: Path) -> None:
    (folder / "my.toml").write_text("otp.digits = 8")
    with running(ITHACA_CONFIG=str(folder / "my.toml")):
        assert beside().settings.otp.digits == 8


def test_wrong_variable_of_a_system_is_a_wrong_setting() -> None:
    with running(ITHACA_OTP__DIGITS="x"), pytest.raises(SettingsError, match="ITHACA_OTP__DIGITS"):
        beside()


@pytest.mark.parametrize(
    ("origins", "text"),
    [({}, "by default, since no `ithaca up` runs in .ithaca/up"), ({"kafka.bootstrap": "X"}, "as X says")],
)
def test_kafka_that_is_away_is_told_with_its_address_and_the_reason_for_it(origins: dict[str, str], text: str) -> None:
    with pytest.raises(BrokerAway, match=f"away .*127.0.0.1:9092, {text}"), naming_kafka(Settings(origins=origins)):
        raise BrokerAway("away")

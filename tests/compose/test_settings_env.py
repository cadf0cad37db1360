"""compose/settings.env: settings that exist, each with a comment, and that production accepts."""

from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.settings.parse import parse
from pipeline.settings.references import Found
from providers import ADAPTERS
from tests.compose.stack import FOLDER, services, variables, workers

LINES = (FOLDER / "settings.env").read_text().splitlines()


def secret(_kind: str, name: str) -> Found:
    """Find 32 bytes behind every reference, other ones for each name."""
    return Found(data=Path(name).name.encode().hex().ljust(64, "0")[:64].encode())


def settings_of(worker: str) -> Settings:
    environ = {**variables(), **services()[worker]["environment"]}
    return parse(None, environ, adapters={name: one.needs for name, one in ADAPTERS.items()}, find=secret)


@pytest.mark.parametrize("worker", workers())
def test_a_process_starts_with_these_settings_in_production(worker: str) -> None:
    settings = settings_of(worker)
    assert settings.environment == "production"
    assert settings.kafka.sasl_username in {worker, "admin"}


@pytest.mark.parametrize("place", [number for number, line in enumerate(LINES) if line.startswith("ITHACA_")])
def test_every_setting_has_a_comment_above_it(place: int) -> None:
    assert LINES[place - 1].startswith("# "), LINES[place]


def test_no_setting_is_written_twice() -> None:
    assert len(variables()) == sum(line.startswith("ITHACA_") for line in LINES)


def test_no_secret_is_written_down() -> None:
    secrets = ("KEY", "KEYS", "PASSWORD", "CREDENTIAL", "CODES", "NUMBERS", "TOKENS")
    held = {name: value for name, value in variables().items() if name.rpartition("_")[2] in secrets}
    assert held
    assert all("file:/run/secrets/" in value for value in held.values())


def test_there_is_somewhere_to_move_traffic_to() -> None:
    settings = settings_of("dispatch")
    assert all(len(shares) >= 2 for shares in settings.routes.values())


def test_a_process_has_time_to_finish_what_is_in_hand() -> None:
    grace = services()["dispatch"]["stop_grace_period"]
    assert settings_of("dispatch").dispatch.drain_s < int(grace.removesuffix("s"))

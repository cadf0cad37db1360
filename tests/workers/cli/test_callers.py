"""For which caller a command speaks, and where the door is."""

import pytest
import typer

from pipeline.errors import SettingsError
from pipeline.settings import CallerSettings, HttpSettings, Secret, Settings
from pipeline.settings.parse import parse
from workers.cli.api import address, api_of
from workers.cli.callers import key_of

KEY = Secret(b"key")
CALLERS = {"direct": CallerSettings(), "shop": CallerSettings(api_key=KEY), "bank": CallerSettings(api_key=KEY)}
SETTINGS = Settings(callers=CALLERS)


@pytest.mark.parametrize(("wanted", "name"), [(None, "shop"), ("shop", "shop"), ("bank", "bank")])
def test_first_caller_with_a_key_speaks_unless_another_is_named(wanted: str | None, name: str) -> None:
    assert key_of(SETTINGS, wanted) == (name, KEY)


@pytest.mark.parametrize(
    ("wanted", "text"), [("shoq", "did you mean shop"), ("x", "there are: shop, bank"), ("direct", "has no api_key")]
)
def test_caller_that_cannot_speak_is_a_wrong_command_line(wanted: str, text: str) -> None:
    with pytest.raises(typer.BadParameter, match=text):
        key_of(SETTINGS, wanted)


def test_no_caller_with_a_key_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="none has an api_key"):
        key_of(Settings())


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],
)
def test_server_on_every_address_is_asked_on_this_machine(host: str, url: str) -> None:
    assert address(HttpSettings(host=host, port=80)) == url


def test_door_on_any_free_port_is_a_wrong_setting_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"api.port is 0.*ithaca up.*--data"):
        api_of(parse(), None)

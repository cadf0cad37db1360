"""Where settings come from, what they become, and how they are shown."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from pipeline.errors import SettingsError
from pipeline.message.audit import audit_messages
from pipeline.settings import Secret, Settings
from pipeline.settings.defaults import SIMULATED
from pipeline.settings.needs import SenderNeeds
from pipeline.settings.parse import Document, parse
from pipeline.settings.references import Found
from pipeline.settings.show import config_hash, redacted
from pipeline.settings.toml import read_toml
from pipeline.settings.tree import bare, entry_of, is_section, is_table, name_of, said_of, settings_of

SECRET = "hunter2-is-a-secret"


def find(kind: str, name: str) -> Found | None:
    known = {("env", "API_KEY"): SECRET, ("env", "ITHACA_HEX"): "22" * 32, ("file", "/k"): "IiIi" * 10 + "IiI=\n"}
    return Found(data=known[kind, name].encode()) if (kind, name) in known else None


def from_toml(text: str, **environ: str) -> Settings:
    return parse(read_toml("ithaca.toml", text.encode()), environ, find=find, audits=[audit_messages])


def origin(settings: Settings, key: str) -> str:
    return next(shown.origin for shown in redacted(settings) if shown.key == key)


def kinds_in(kind: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Give key and type of everything that can be set; names that users choose are `*`."""
    yield key, kind
    inside = settings_of(kind) if is_section(kind) else {"*": entry_of(kind)} if is_table(kind) else {}
    for name, child in inside.items():
        yield from kinds_in(child, f"{key}.{name}".removeprefix("."))


def test_without_any_source_there_is_a_complete_development_system() -> None:
    settings = parse()
    assert settings.environment == "development"
    assert set(settings.providers) == {"carrier-a", "carrier-b", "carrier-c"}
    assert settings.routes == {"*": {"carrier-a": 50.0, "carrier-b": 30.0, "carrier-c": 20.0}}
    assert settings.callers["demo"].brand == "Ithaca demo"


def test_development_key_is_the_hash_of_its_word() -> None:
    expected = hashlib.sha256(b"ithaca development key: codes").digest()
    assert parse().keys.codes["dev"].reveal() == expected


def test_development_bearer_key_can_be_typed() -> None:
    api_key = parse().callers["demo"].api_key
    assert api_key is not None
    assert api_key.reveal() == b"dev-demo"


def test_variable_wins_over_file_and_file_over_default() -> None:
    settings = from_toml("otp.digits = 7\notp.tries = 3", ITHACA_OTP__DIGITS="8")
    assert (settings.otp.digits, settings.otp.tries, settings.otp.ttl_s) == (8, 3, 300)


def test_every_value_knows_its_source() -> None:
    settings = from_toml("[otp]\ndigits = 7", ITHACA_OTP__TRIES="3")
    assert origin(settings, "otp.digits") == "ithaca.toml:2"
    assert origin(settings, "otp.tries") == "ITHACA_OTP__TRIES"
    assert origin(settings, "otp.ttl_s") == "default"
    assert origin(settings, "callers.demo.brand") == "development default"


def test_underscore_in_a_variable_stands_for_the_dash_of_a_chosen_name() -> None:
    settings = from_toml("", ITHACA_PROVIDERS__CARRIER_A__BASE_URL="http://127.0.0.1:5000/a")
    assert settings.providers["carrier-a"].base_url == "http://127.0.0.1:5000/a"
    assert settings.providers["carrier-a"].adapter == "carrier"


def test_dash_in_a_variable_is_the_dash_of_a_chosen_name() -> None:
    settings = parse(environ={"ITHACA_PROVIDERS__CARRIER-A__IN_FLIGHT": "9"})
    assert settings.providers["carrier-a"].in_flight == 9


def test_table_in_a_variable_is_json() -> None:
    settings = from_toml("", ITHACA_ROUTES='{"*": {"carrier-a": 100}, "GB": {"carrier-b": 100}}')
    assert settings.routes == {"*": {"carrier-a": 100.0}, "GB": {"carrier-b": 100.0}}


def test_country_in_a_variable_is_in_capital_letters() -> None:
    assert from_toml("", ITHACA_ROUTES__GB__CARRIER_A="100").routes["GB"] == {"carrier-a": 100.0}


def test_name_of_an_option_or_a_registration_keeps_its_underscores_in_a_variable() -> None:
    settings = parse(
        environ={
            "ITHACA_PROVIDERS__CARRIER_A__OPTIONS__KEY_ID": "k",
            "ITHACA_PROVIDERS__CARRIER_A__POOLS__GB": "p",
            "ITHACA_CALLERS__DEMO__REGISTRATIONS__IN__DLT_ENTITY_ID": "7",
        },
        adapters={
            "carrier": replace(
                SIMULATED["carrier"], optional={"key_id": "an option"}, sender=SenderNeeds(pool="a pool")
            )
        },
    )

    assert settings.providers["carrier-a"].options == {"key_id": "k"}
    assert settings.providers["carrier-a"].pools == {"GB": "p"}
    assert settings.callers["demo"].registrations == {"IN": {"dlt_entity_id": "7"}}


@pytest.mark.parametrize("text", ["an auth token", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"])
def test_webhook_keys_and_credentials_are_texts_as_providers_show_them(text: str) -> None:
    environ = {
        "ITHACA_PROVIDERS__CARRIER_A__WEBHOOK_KEYS__K1": "env:KEY",
        "ITHACA_PROVIDERS__CARRIER_A__CREDENTIAL": "env:KEY",
    }
    settings = parse(
        environ=environ,
        adapters={"carrier": replace(SIMULATED["carrier"], optional_webhook_keys="some")},
        find=lambda *_: Found(data=text.encode(), private=True),
    )

    account = settings.providers["carrier-a"]
    assert [key.reveal().decode() for key in account.webhook_keys.values()] == [text]
    assert account.credential == account.webhook_keys["k1"]


def test_route_of_a_later_source_replaces_the_earlier_one_whole() -> None:
    assert from_toml('routes."*".carrier-c = 100').routes == {"*": {"carrier-c": 100.0}}


def test_key_ring_of_a_later_source_replaces_the_earlier_one_whole() -> None:
    settings = from_toml('keys.codes = { new = "dev:new", old = "dev:old" }')
    assert list(settings.keys.codes) == ["new", "old"]


@pytest.mark.parametrize("text", ["+447700900123,+4915123456789", '["+447700900123", "+4915123456789"]'])
def test_list_in_a_variable_is_json_or_has_commas(text: str) -> None:
    assert from_toml("", ITHACA_OTP__TEST_NUMBERS=text).otp.test_numbers == ("+447700900123", "+4915123456789")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_truth_in_a_variable_may_be_any_word_for_it(text: str, *, value: bool) -> None:
    assert from_toml("", ITHACA_OTP__PLAIN_NUMBERS=text).otp.plain_numbers is value


@pytest.mark.parametrize(
    ("text", "value"), [("9", 9.0), ("+9", 9.0), ("09", 9.0), ("9.", 9.0), (".5", 0.5), ("9e0", 9.0)]
)
def test_number_in_a_variable_may_be_written_as_people_write_it(text: str, value: float) -> None:
    assert from_toml("", ITHACA_DISPATCH__DRAIN_S=text).dispatch.drain_s == value


@pytest.mark.parametrize("reference", ["env:ITHACA_HEX", "file:/k"])
def test_key_is_hexadecimal_or_base64_and_may_end_with_a_line_break(reference: str) -> None:
    settings = from_toml(f'keys.codes.k1 = "{reference}"')
    assert settings.keys.codes["k1"].reveal() == b"\x22" * 32


# A variable, and how the same value stands in a file.
VALUES = {
    "ITHACA_ENVIRONMENT": ("environment", "development"),
    "ITHACA_RECEIPTS__PUBLIC_URL": ("receipts.public_url", "https://otp.example.com/x"),
    "ITHACA_STATE__URL": ("state.url", "valkey://127.0.0.1:6379/0"),
    "ITHACA_KAFKA__BOOTSTRAP": ("kafka.bootstrap", "127.0.0.1:9092"),
    "ITHACA_KAFKA__CA_FILE": ("kafka.ca_file", "/etc/ca.pem"),
    "ITHACA_KAFKA__SECURITY": ("kafka.security", "SSL"),
    "ITHACA_STATE__PASSWORD": ("state.password", "env:API_KEY"),
    "ITHACA_CALLERS__DEMO__BRAND": ("callers.demo.brand", "The Shop"),
    "ITHACA_PROVIDERS__CARRIER_A__SENDERS__DE": ("providers.carrier-a.senders.DE", "Shop"),
}
AROUND = ["{}\r", "{}\r\n", "{} ", " {}", "\t{}\n"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("variable", VALUES)
def test_blanks_and_line_ends_around_a_value_are_left_out_wherever_it_comes_from(variable: str, around: str) -> None:
    key, value = VALUES[variable]
    quoted = around.format(value).replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")

    plain = from_toml("", **{variable: value})

    assert from_toml("", **{variable: around.format(value)}) == plain
    assert from_toml(f'{key} = "{quoted}"') == plain


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("ITHACA_OTP__TTL_S", "120\r", "120"),
        ("ITHACA_OTP__PLAIN_NUMBERS", " true\r\n", "true"),
        ("ITHACA_CALLERS__DEMO__LOCALES", "en, de\r", "en,de"),
        ("ITHACA_ROUTES", '{"*": {"carrier-a": 100}}\r', '{"*": {"carrier-a": 100}}'),
        ("ITHACA_RECEIPTS", '{"public_url": "https://x.example\\r"}\r', '{"public_url": "https://x.example"}'),
        ("ITHACA_KAFKA__PREFIX", " \r", ""),
    ],
)
def test_numbers_lists_and_tables_of_a_file_with_windows_line_ends_are_read_as_of_any(
    name: str, value: str, plain: str
) -> None:
    assert from_toml("", **{name: value}) == from_toml("", **{name: plain})


def test_secret_of_a_file_with_windows_line_ends_is_the_secret() -> None:
    def windows(kind: str, _: str) -> Found | None:
        return Found(data=b" hunter2\r\n" if kind == "env" else b"22" * 32 + b"\r\n")

    settings = parse(read_toml("ithaca.toml", b'state.password = "env:P"\nkeys.codes.one = "file:/k\\r"'), find=windows)

    assert settings.state.password == Secret(b"hunter2")
    assert settings.keys.codes["one"].reveal() == b"\x22" * 32


def test_message_in_a_script_that_joins_letters_keeps_its_signs() -> None:
    text = "{brand}: \u06a9\u062f\u200c\u0647\u0627 {code}\u00a0!"

    assert from_toml(f'callers.demo.templates.en = "{text}"').callers["demo"].templates["en"] == text


def test_variable_that_a_reference_names_is_no_setting() -> None:
    assert from_toml('keys.codes.k1 = "env:ITHACA_HEX"', ITHACA_HEX="22" * 32).keys.codes["k1"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ITHACA_CONFIG", "other.toml"),
        ("ITHACA_API_SERVICE_HOST", "10.0.0.1"),
        ("ITHACA_API_PORT", "tcp://10.0.0.1:80"),
        ("ITHACA_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("ITHACA_OTP__TTL_S", ""),
        ("HOME", "/root"),
    ],
)
def test_variables_that_are_no_settings_are_left_alone(name: str, value: str) -> None:
    assert parse(environ={name: value}) == parse()


def test_default_in_flight_of_a_provider_may_be_above_that_of_dispatch() -> None:
    assert from_toml("dispatch.in_flight = 50").dispatch.in_flight == 50


def test_shares_may_miss_100_percent_by_a_rounding() -> None:
    shares = "carrier-a = 33.33\ncarrier-b = 33.33\ncarrier-c = 33.34"
    assert from_toml(f'[routes."*"]\n{shares}').routes["*"]["carrier-c"] == 33.34


def test_production_has_none_of_the_development_defaults() -> None:
    with pytest.raises(SettingsError) as caught:
        from_toml("environment = 'production'")
    text = str(caught.value)
    assert all(key in text for key in ("keys.codes", "keys.numbers", "keys.tokens", "callers", "providers", "routes"))


def test_no_secret_is_shown() -> None:
    settings = from_toml('callers.demo.api_key = "env:API_KEY"')
    assert SECRET not in repr(settings) + repr(redacted(settings))
    shown = {one.key: one.value for one in redacted(settings)}
    assert shown["callers.demo.api_key"] == "env:API_KEY"


def test_no_test_number_is_shown() -> None:
    settings = from_toml('otp.test_numbers = ["+447700900123"]')
    assert "7700900123" not in repr(settings) + repr(redacted(settings))


def test_config_hash_follows_routes_and_texts_and_neither_secrets_nor_servers() -> None:
    plain = config_hash(parse())
    assert len(plain) == 12
    assert plain == config_hash(from_toml('callers.demo.api_key = "env:API_KEY"\nstate.url = "valkey://127.0.0.1:1/0"'))
    assert plain != config_hash(from_toml('routes."*".carrier-a = 100'))
    assert plain != config_hash(from_toml("callers.demo.templates.en = '{code}!'"))
    assert plain != config_hash(from_toml("otp.ttl_s = 120"))


def test_every_number_that_can_be_set_has_a_range_and_says_what_it_is() -> None:
    numbers = {key: said_of(kind, Meta) for key, kind in kinds_in(Settings) if bare(kind) in {int, float}}
    assert {"otp.ttl_s", "providers.*.per_second", "routes.*.*"} <= numbers.keys()
    ranges = {key: (of.ge, of.le, of.description) if of else (None,) for key, of in numbers.items()}
    assert [key for key, known in ranges.items() if None in known] == []


def test_every_table_says_what_its_entries_are_called_by() -> None:
    tables = {key: kind for key, kind in kinds_in(Settings) if is_table(kind) and not is_section(kind)}
    assert {"providers", "routes.*", "callers.*.registrations.*"} <= tables.keys()
    assert [key for key, kind in tables.items() if name_of(kind) is None] == []


def test_every_section_is_shown() -> None:
    shown = {one.key.split(".")[0] for one in redacted(parse())}
    assert shown == {field.name for field in fields(Settings)} - {"origins"}


def test_line_of_a_key_is_found_in_tables_dotted_keys_and_quotes() -> None:
    document = read_toml(
        "a.toml", b'# x = 1\n[routes]\n"*" = { one = 100 }\n\n[providers."one"]\nadapter = """\nb"""\n'
    )
    assert document.origin(("routes", "*", "one")) == "a.toml:3"
    assert document.origin(("providers", "one", "adapter")) == "a.toml:6"
    assert document.origin(("kafka",)) == "a.toml"


def fault(document: Document, environ: dict[str, str]) -> str | None:
    """Give the text of the SettingsError, none where the settings are good; anything else escapes."""
    try:
        parse(document, environ)
    except SettingsError as error:
        return str(error)
    return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Settings)]), JSON))
def test_any_document_gives_settings_or_a_settings_error(values: dict[str, Any]) -> None:
    assert fault(Document(values=values), {}) != ""


SETTINGS = [
    f"{name}.{one}" for name, kind in settings_of(Settings).items() if is_section(kind) for one in settings_of(kind)
]


@given(st.sampled_from(SETTINGS), JSON)
def test_any_value_of_any_setting_gives_settings_or_an_error_that_names_it(key: str, value: Any) -> None:
    section, name = key.split(".")
    text = fault(Document(values={section: {name: value}}), {})
    assert text is None or name in text


@given(st.text(), st.text())
def test_any_variable_gives_settings_or_an_error_that_names_it(name: str, value: str) -> None:
    variable = f"ITHACA_{name}"
    text = fault(Document(), {variable: value})
    assert text is None or variable in text


def test_secret_hides_its_bytes() -> None:
    assert SECRET not in repr(Secret(SECRET.encode(), "env:API_KEY"))

"""Wrong configurations: each is refused with source, key and remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from pipeline.errors import SettingsError
from pipeline.message.audit import audit_messages
from pipeline.settings.parse import parse
from pipeline.settings.references import Found
from pipeline.settings.toml import read_toml

LEAK = "hunter2-is-a-secret"
KEY = "11" * 32
FILES = {"/run/open": Found(data=KEY.encode(), private=False), "/run/short": Found(data=b"c2hvcnQ=")}

# What production needs at least; the tables of a case are written below it.
PRODUCTION = """
environment = "production"
kafka.bootstrap = "127.0.0.1:9092"
receipts.public_url = "https://otp.example.com"
"""
RINGS = """
[keys]
codes = { k1 = "env:KEY" }
numbers = { k1 = "env:KEY" }
tokens = { k1 = "env:KEY" }
"""
REST = """
[callers.shop]
api_key = "env:API_KEY"
[providers.one]
adapter = "carrier"
base_url = "https://one.example.com"
credential = "env:API_KEY"
[routes."*"]
one = 100
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    toml: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...]  # source, key and remedy


def find(kind: str, name: str) -> Found | None:
    known = {"KEY": KEY, "API_KEY": "long-api-key", "LEAK": LEAK, "EMPTY": "", "LINES": "a\nb"}
    if kind == "env":
        return Found(data=known[name].encode()) if name in known else None
    return FILES.get(name)


CASES = {
    # Names and types.
    "a misspelt key": Case(toml="otp.ttl = 300", says=("ithaca.toml:1", "otp.ttl ", "did you mean ttl_s?")),
    "a misspelt table": Case(toml="[kafak]\nprefix = 'x'", says=("ithaca.toml:1", "kafak", "did you mean kafka?")),
    "an unknown key": Case(toml="otp.zzz = 1", says=("otp.zzz", "there are: ttl_s, digits")),
    "a misspelt variable": Case(
        environ={"ITHACA_KAFKA__BOOTSTRAPS": "x:1"}, says=("ITHACA_KAFKA__BOOTSTRAPS", "ITHACA_KAFKA__BOOTSTRAP?")
    ),
    "one underscore instead of two": Case(
        environ={"ITHACA_OTP_TTL_S": "60"}, says=("ITHACA_OTP_TTL_S", "did you mean ITHACA_OTP__TTL_S?")
    ),
    "a variable below a single value": Case(
        environ={"ITHACA_OTP__TTL_S__X": "60"}, says=("ITHACA_OTP__TTL_S__X", "otp.ttl_s", "leave out")
    ),
    "a value instead of a table": Case(toml="kafka = 3", says=("ithaca.toml:1", "kafka is a table", "inside")),
    "a table in a variable that is no JSON": Case(
        environ={"ITHACA_ROUTES": "carrier-a"}, says=("ITHACA_ROUTES", "routes", "write it as JSON")
    ),
    "a unit in a number": Case(toml="otp.ttl_s = '5m'", says=("ithaca.toml:1", "otp.ttl_s", "seconds", "write 300")),
    "a unit in a variable": Case(
        environ={"ITHACA_DISPATCH__DRAIN_S": "500ms"}, says=("ITHACA_DISPATCH__DRAIN_S", "seconds", "write 0.5")
    ),
    "a number in quotes": Case(toml="otp.digits = '6'", says=("otp.digits", "write 6 without quotes")),
    "a fraction of a digit": Case(toml="otp.digits = 6.5", says=("otp.digits", "a whole number", "write 6")),
    "true instead of a number": Case(toml="otp.tries = true", says=("otp.tries", "not a whole number")),
    "a word instead of true": Case(toml="otp.plain_numbers = 'ja'", says=("otp.plain_numbers", "true nor false")),
    "a number instead of a text": Case(toml="kafka.prefix = 5", says=("kafka.prefix", "in quotes")),
    "a text instead of a list": Case(toml="otp.test_numbers = 'x'", says=("otp.test_numbers", 'write ["one", "two"]')),
    "an unknown choice": Case(toml="kafka.security = 'TLS'", says=("kafka.security", "there are: PLAINTEXT, SSL")),
    "an unknown environment": Case(toml="environment = 'prod'", says=("environment", "did you mean production?")),
    # Numbers.
    "a life above 10 minutes": Case(toml="otp.ttl_s = 601", says=("ithaca.toml:1", "otp.ttl_s", "30 to 600")),
    "a life under half a minute": Case(environ={"ITHACA_OTP__TTL_S": "29"}, says=("ITHACA_OTP__TTL_S", "30 to 600")),
    "a code of 5 digits": Case(toml="otp.digits = 5", says=("otp.digits", "6 to 10")),
    "a code of 11 digits": Case(toml="otp.digits = 11", says=("otp.digits", "6 to 10")),
    "a negative number": Case(toml="dispatch.drain_s = -1", says=("dispatch.drain_s", "0 to 300")),
    "a number of 400 digits": Case(
        toml=f"otp.digits = {'9' * 400}\ndispatch.drain_s = {'9' * 400}",
        says=("ithaca.toml:1: otp.digits", "6 to 10", "ithaca.toml:2: dispatch.drain_s", "no amount"),
    ),
    "not a number": Case(toml="dispatch.drain_s = nan", says=("dispatch.drain_s", "no amount")),
    "an infinite number": Case(toml="state.timeout_s = inf", says=("state.timeout_s", "no amount")),
    "a lease shorter than a send": Case(toml="dispatch.lease_s = 10", says=("dispatch.lease_s", "at least 11.2")),
    "a watchdog shorter than a lease": Case(
        toml="dispatch.watchdog_s = 10", says=("dispatch.watchdog_s", "at least 17")
    ),
    "no partition": Case(toml="kafka.partitions = 0", says=("kafka.partitions", "1 to")),
    "a port out of range": Case(toml="api.port = 70000", says=("api.port", "0 to 65535")),
    "a test number with a trunk zero, which would be sent to": Case(
        toml="otp.test_numbers = ['+447700900123', '+4407700900123']",
        says=("otp.test_numbers", "place 2", "without trunk zeros"),
    ),
    "a test number that is not E.164": Case(
        toml="otp.test_numbers = ['+447700900123', '07700 900123']",
        says=("ithaca.toml:1", "otp.test_numbers", "place 2", "+447700900123"),
    ),
    # Kafka, store, addresses.
    "more in sync than there are": Case(
        toml="[kafka]\nreplication = 2\nmin_insync = 3", says=("ithaca.toml:3", "kafka.min_insync", "lower it")
    ),
    "a bootstrap without a port": Case(toml="kafka.bootstrap = 'kafka'", says=("kafka.bootstrap", "host:port")),
    "SASL without a user": Case(
        toml="kafka.security = 'SASL_SSL'\nkafka.sasl_password = 'env:LEAK'", says=("kafka.sasl_username", "is missing")
    ),
    "SASL without a password": Case(
        toml="kafka.security = 'SASL_SSL'\nkafka.sasl_username = 'me'", says=("kafka.sasl_password", "env:")
    ),
    "a certificate without its key": Case(toml="kafka.cert_file = 'c.pem'", says=("kafka.key_file", "set both")),
    "an impossible prefix": Case(toml="kafka.prefix = 'a b'", says=("kafka.prefix", "letters, digits")),
    "a store that is none": Case(toml="state.url = 'http://x'", says=("state.url", "valkey://host:port/0")),
    "a password in the store's URL": Case(
        toml=f"state.url = 'valkey://:{LEAK}@127.0.0.1:6379/0'", says=("state.url", "state.password")
    ),
    "a public URL with a slash at its end": Case(
        toml="receipts.public_url = 'https://x.example/'", says=("receipts.public_url", "slash")
    ),
    # Secrets.
    "a secret in plain text": Case(
        toml=f"callers.shop.api_key = '{LEAK}'", says=("ithaca.toml:1", "callers.shop.api_key", "env:NAME")
    ),
    "a variable that is not set": Case(
        toml="callers.shop.api_key = 'env:NOT_THERE'", says=("callers.shop.api_key", "NOT_THERE", "not set")
    ),
    "a file that is not there": Case(
        toml="callers.shop.api_key = 'file:/not/there'", says=("callers.shop.api_key", "/not/there", "cannot be read")
    ),
    "an empty secret": Case(toml="callers.shop.api_key = 'env:EMPTY'", says=("callers.shop.api_key", "empty")),
    "a secret of two lines": Case(toml="callers.shop.api_key = 'env:LINES'", says=("callers.shop.api_key", "one line")),
    "a short seal key": Case(
        toml="callers.shop.seal_keys.k1 = 'file:/run/short'", says=("callers.shop.seal_keys.k1", "32 bytes", "openssl")
    ),
    "a key that is a password": Case(toml="keys.codes.k1 = 'env:LEAK'", says=("keys.codes.k1", "32 bytes")),
    "two keys for numbers": Case(toml="keys.numbers = { a = 'dev:a', b = 'dev:b' }", says=("keys.numbers", "keep one")),
    "a file that everybody can read": Case(
        toml=PRODUCTION + "keys.codes.k1 = 'file:/run/open'" + REST, says=("ithaca.toml:5", "keys.codes.k1", "chmod")
    ),
    "a development key in production": Case(
        toml=PRODUCTION + "keys.codes.k1 = 'dev:codes'" + REST, says=("keys.codes.k1", "refused in production")
    ),
    "production without key rings": Case(
        toml=PRODUCTION + REST, says=("ithaca.toml", "keys.codes is missing", "[keys.codes]", "keys.tokens is missing")
    ),
    # Callers.
    "an operator without a key": Case(toml="operators.ann.role = 'viewer'", says=("operators.ann.key", "is missing")),
    "two operators with one key": Case(
        toml="operators.ann.key = 'env:LEAK'\noperators.bob.key = 'env:LEAK'",
        says=("ithaca.toml:2", "operators.bob.key", "operator ann", "their own"),
    ),
    "an operator's key that can be guessed": Case(
        toml=PRODUCTION + RINGS + REST + "[operators.ann]\nkey = 'env:API_KEY'",
        says=("operators.ann.key", "16 bytes", "openssl"),
    ),
    "an operator with a role that is none": Case(
        toml="operators.ann = { key = 'env:LEAK', role = 'admin' }", says=("operators.ann.role", "viewer, operator")
    ),
    "a caller without a key": Case(toml="[callers.shop]\nbrand = 'Shop'", says=("callers.shop", "seal_keys")),
    "the same API key twice": Case(
        toml="callers.a.api_key = 'env:LEAK'\ncallers.b.api_key = 'env:LEAK'",
        says=("ithaca.toml:2", "callers.b.api_key", "caller a", "its own"),
    ),
    "a caller's name with a dot": Case(
        toml='callers."a.b".api_key = "dev:x"', says=('callers."a.b"', "small letters, digits and dashes")
    ),
    "a registration for a country that is none": Case(
        toml="callers.demo.registrations.india.dlt_entity_id = '7'",
        says=("ithaca.toml:1", "callers.demo.registrations.india", "two capital letters"),
    ),
    "a template without the code": Case(
        toml="callers.demo.templates.en = 'Hello'", says=("callers.demo.templates.en", "{code} exactly once")
    ),
    "a template with another placeholder": Case(
        toml="callers.demo.templates.en = '{code} {name}'", says=("callers.demo.templates.en", "only these two")
    ),
    "a template with a single brace": Case(
        toml="callers.demo.templates.en = '{code'", says=("callers.demo.templates.en", "single brace")
    ),
    "a template with a line break": Case(
        toml='callers.demo.templates.en = "{code}\\n@evil.example #1"', says=("callers.demo.templates.en", "one line")
    ),
    "a brand with a control character": Case(toml='callers.demo.brand = "a\\u0007"', says=("callers.demo.brand",)),
    "a hash of 10 characters": Case(
        toml="callers.demo.android_hash = 'FA+9qCX9VS'", says=("callers.demo.android_hash", "11 characters")
    ),
    "a URL as domain": Case(toml="callers.demo.domain = 'https://a.example'", says=("callers.demo.domain", "https://")),
    "a language without a text": Case(toml="callers.demo.locales = ['xx']", says=("callers.demo.locales", "template")),
    "two templates of one language": Case(
        toml="[callers.demo.templates]\npt-BR = '{code}'\npt-br = '{code}'",
        says=("callers.demo.templates.pt-br", "the same language as pt-BR"),
    ),
    # Providers and routes.
    "an unknown adapter": Case(
        toml="[providers.one]\nadapter = 'carier'\nbase_url = 'http://x'",
        says=("ithaca.toml:2", "providers.one.adapter", "did you mean carrier?"),
    ),
    "a provider without an address": Case(
        toml="[providers.one]\nadapter = 'carrier'\ncredential = 'dev:one'",
        says=("ithaca.toml:2", "providers.one.base_url is missing"),
    ),
    "a provider without a credential": Case(
        toml="[providers.one]\nadapter = 'carrier'\nbase_url = 'http://x'",
        says=("ithaca.toml:2", "providers.one.credential is missing", "the bearer token", '"env:NAME"'),
    ),
    "an option that the adapter does not have": Case(
        toml="providers.carrier-a.options.region = 'eu'",
        says=("ithaca.toml:1", "providers.carrier-a.options.region", "no option of the adapter carrier"),
    ),
    "keys that the adapter does not use": Case(
        toml="providers.carrier-a.webhook_keys.k1 = 'dev:k1'",
        says=("ithaca.toml:1", "providers.carrier-a.webhook_keys", "of no use to the adapter carrier"),
    ),
    "a sender that the country refuses": Case(
        toml="providers.carrier-a.senders.US = 'Ithaca'",
        says=("ithaca.toml:1", "providers.carrier-a.senders.US", "refuses", "a short code"),
    ),
    "a sender that is none": Case(
        toml="providers.carrier-a.senders.DE = 'Ithaca, the best'",
        says=("ithaca.toml:1", "providers.carrier-a.senders.DE", "at most 11 letters"),
    ),
    "a pool for a country that is none": Case(
        toml="providers.carrier-a.pools.uk = 'P1'", says=("providers.carrier-a.pools.uk", "two capital letters")
    ),
    "an address that is none": Case(
        environ={"ITHACA_PROVIDERS__CARRIER_A__BASE_URL": "carrier:80"},
        says=("ITHACA_PROVIDERS__CARRIER_A__BASE_URL", "providers.carrier-a.base_url", "https://host/path"),
    ),
    "a carriage return inside an address": Case(
        toml='receipts.public_url = "https://otp.example\\r.com"', says=("receipts.public_url", "control character")
    ),
    "a tab inside a list": Case(
        environ={"ITHACA_CALLERS__DEMO__LOCALES": "en,d\te"}, says=("callers.demo.locales", "control character")
    ),
    "a blank inside an address": Case(
        toml="receipts.public_url = 'https://otp.example .com'", says=("receipts.public_url", "https://host/path")
    ),
    "a user in an address": Case(
        toml="receipts.public_url = 'https://me@otp.example.com'", says=("receipts.public_url", "a user", "plain")
    ),
    "an empty user in an address": Case(
        toml="providers.carrier-a.base_url = 'http://@carrier.example'",
        says=("providers.carrier-a.base_url", "a user", "plain"),
    ),
    "an underscore in a host": Case(
        toml="receipts.public_url = 'https://otp_receipts.example.com'",
        says=("receipts.public_url", "letters, digits and dashes"),
    ),
    "a host of other letters": Case(
        toml="providers.carrier-a.base_url = 'https://m\u00fcnchen.example'",
        says=("providers.carrier-a.base_url", "xn--"),
    ),
    "an empty query": Case(
        toml="receipts.public_url = 'https://otp.example.com?'", says=("receipts.public_url", "a query")
    ),
    "a line end inside the address of the store": Case(
        toml='state.url = "valkey://127.0.0.1\\n:6379/0"', says=("state.url", "valkey://host:port/0")
    ),
    "a provider without TLS in production": Case(
        toml=PRODUCTION + RINGS + REST.replace("https://one", "http://one"),
        says=("providers.one.base_url", "refused in production", "https://"),
    ),
    "a provider with more in flight than all": Case(
        toml="providers.carrier-a.in_flight = 900", says=("providers.carrier-a.in_flight", "dispatch.in_flight (500)")
    ),
    "a sender for a country that is none": Case(
        toml="providers.carrier-a.senders.uk = 'Me'", says=("providers.carrier-a.senders.uk", "two capital letters")
    ),
    "shares that do not sum to 100": Case(
        toml='[routes."*"]\ncarrier-a = 60\ncarrier-b = 39.9',
        says=("ithaca.toml:2", 'routes."*"', "99.9", "100 percent"),
    ),
    "a share above 100": Case(
        toml="routes.GB = { carrier-a = 150, carrier-b = -50 }", says=("routes.GB.carrier-a", "0 to 100")
    ),
    "a share for nobody": Case(
        toml='routes."*".carrier-x = 100', says=('routes."*".carrier-x', "not configured", "did you mean carrier-")
    ),
    "a route for the UK": Case(toml="routes.UK.carrier-a = 100", says=("routes.UK", "write GB")),
    "production without providers and routes": Case(
        toml=PRODUCTION + RINGS, says=("providers is empty", 'routes."*" is missing', "callers is empty")
    ),
    # Production.
    "plain numbers in production": Case(
        toml=PRODUCTION + "otp.plain_numbers = true" + RINGS + REST,
        says=("ithaca.toml:5", "otp.plain_numbers", "remove"),
    ),
    "plain Kafka in production": Case(
        toml=PRODUCTION.replace("127.0.0.1", "kafka") + RINGS + REST, says=("kafka.security", "SASL_SSL")
    ),
    "a plain store in production": Case(
        toml=PRODUCTION + "state.url = 'valkey://store:6379/0'" + RINGS + REST, says=("state.url", "valkeys://")
    ),
    "plain callbacks in production": Case(
        toml=PRODUCTION.replace("https", "http") + RINGS + REST, says=("receipts.public_url", "https://")
    ),
    "no TOML": Case(toml="otp = = 3", says=("ithaca.toml", "is not TOML", "line 1")),
}


def read(case: Case) -> None:
    parse(read_toml("ithaca.toml", case.toml.encode()), case.environ, find=find, audits=[audit_messages])


@pytest.mark.parametrize("name", CASES)
def test_wrong_configuration_is_refused_with_source_key_and_remedy(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(CASES[name])
    text = str(caught.value)
    assert [part for part in CASES[name].says if part not in text] == [], text
    assert LEAK not in text
    assert KEY not in text
    assert "07700" not in text


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(("production", "SASL"))])
def test_one_mistake_makes_one_line(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(CASES[name])
    lines = str(caught.value).splitlines()
    expected = {
        "a number of 400 digits": 2,
        "a share above 100": 2,
        "a pool for a country that is none": 2,
        "a development key in production": 3,
        "a file that everybody can read": 3,
    }
    assert len(lines) == expected.get(name, 1), lines


def test_production_that_is_complete_is_accepted() -> None:
    read(Case(toml=PRODUCTION + RINGS + REST, says=()))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read(Case(toml="otp.ttl_s = 900\notp.digits = 3\nkafka.partitions = 0\nzzz = 1", says=()))
    assert len(str(caught.value).splitlines()) == 4

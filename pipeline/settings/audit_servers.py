"""Kafka, the state store, and our own HTTP servers."""

from collections.abc import Iterator
from typing import Final

from pipeline.settings.model import KafkaSettings, Settings
from pipeline.settings.names import host_name, loopback, split_url
from pipeline.settings.problems import Problem

_STORE_SCHEMES: Final = ("valkey", "valkeys", "redis", "rediss")
_TLS_SCHEMES: Final = ("valkeys", "rediss")
_PREFIX_SIGNS: Final = frozenset("._-")


def audit_kafka(settings: Settings) -> Iterator[Problem]:
    """Check address, replication and security of Kafka."""
    kafka = settings.kafka
    yield from _audit_bootstrap(settings)
    yield from _audit_sasl(kafka)
    if not all(sign.isascii() and (sign.isalnum() or sign in _PREFIX_SIGNS) for sign in kafka.prefix):
        text = "has a sign that no topic name may have; write letters, digits, dots, dashes and underscores"
        yield Problem(path=("kafka", "prefix"), text=text)
    if kafka.min_insync > kafka.replication:
        text = (
            f"is {kafka.min_insync}, above kafka.replication ({kafka.replication}); nothing could be written, lower it"
        )
        yield Problem(path=("kafka", "min_insync"), text=text)
    if bool(kafka.cert_file) != bool(kafka.key_file):
        missing, there = ("key_file", "cert_file") if kafka.cert_file else ("cert_file", "key_file")
        yield Problem(path=("kafka", missing), text=f"is missing, but kafka.{there} is set; set both or neither")


def _audit_bootstrap(settings: Settings) -> Iterator[Problem]:
    path = ("kafka", "bootstrap")
    hosts = []
    for server in settings.kafka.bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        hosts.append(host.strip("[]"))
        if not (port.isdecimal() and 0 < int(port) < 65_536 and (host_name(host) or host.startswith("["))):  # noqa: PLR2004
            yield Problem(path=path, text="is not host:port, or several of them separated by commas; write it so")
            return
    plain = settings.kafka.security in {"PLAINTEXT", "SASL_PLAINTEXT"}
    if plain and settings.environment == "production" and not all(map(loopback, hosts)):
        text = f"is {settings.kafka.security} to another machine, refused in production; write SSL or SASL_SSL"
        yield Problem(path=("kafka", "security"), text=text)


def _audit_sasl(kafka: KafkaSettings) -> Iterator[Problem]:
    if not kafka.security.startswith("SASL"):
        return
    for name in ("sasl_username", "sasl_password"):
        if not getattr(kafka, name):
            example = '"env:KAFKA_PASSWORD"' if name == "sasl_password" else "the user"
            text = f"is missing, but kafka.security is {kafka.security}; write {example}, or another security"
            yield Problem(path=("kafka", name), text=text)


def audit_state(settings: Settings) -> Iterator[Problem]:
    """Check address and security of the state store."""
    path = ("state", "url")
    parts = split_url(settings.state.url)
    if parts is None or parts.scheme not in _STORE_SCHEMES:
        yield Problem(path=path, text="is not the URL of a store; write valkey://host:port/0, or valkeys:// for TLS")
        return
    if parts.password:
        yield Problem(path=path, text='holds a password; move it to state.password, as a reference such as "env:NAME"')
    plain = parts.scheme not in _TLS_SCHEMES
    if plain and settings.environment == "production" and not loopback(parts.hostname or ""):
        yield Problem(
            path=path, text="is not encrypted and not on this machine, refused in production; write valkeys://"
        )


def audit_http(settings: Settings) -> Iterator[Problem]:
    """Check where our own servers listen, and how providers reach them."""
    for section in ("api", "receipts", "admin", "ops"):
        host = getattr(settings, section).host
        if not host_name(host) and ":" not in host:
            yield Problem(path=(section, "host"), text="is no host to listen on; write 127.0.0.1, or 0.0.0.0 for all")
    path = ("receipts", "public_url")
    yield from audit_base_url(settings, path, settings.receipts.public_url)


def audit_base_url(settings: Settings, path: tuple[str, ...], url: str) -> Iterator[Problem]:
    """Check an HTTP address that paths are appended to."""
    parts = split_url(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        yield Problem(path=path, text="is not the URL of an HTTP server; write https://host/path")
    elif "@" in parts.netloc or "?" in url or "#" in url or url.endswith("/"):
        text = "has a user, a query, a fragment or a slash at its end; write the plain address, https://host/path"
        yield Problem(path=path, text=text)
    elif not (host_name(parts.hostname or "") or ":" in (parts.hostname or "")) or not url.isascii():
        text = "has a sign that no host name or path may have; write letters, digits and dashes, and xn--... for others"
        yield Problem(path=path, text=text)
    elif parts.scheme == "http" and settings.environment == "production":
        yield Problem(path=path, text="is not encrypted, refused in production; write https://")

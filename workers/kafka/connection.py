"""What every client is told: addresses, TLS, SASL; and the prefix of names on a shared cluster."""

import asyncio
import ssl
from collections.abc import Collection
from typing import Any, Final

from pipeline.errors import SettingsError
from pipeline.settings import KafkaSettings

METADATA_MAX_AGE_MS: Final = 60_000  # new partitions are noticed within this time (5 minutes by default)
READING: Final[dict[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",  # also where records were deleted that nobody has read
    "isolation_level": "read_committed",  # what a caller has taken back was never there
}
METADATA_RETRY_S: Final = 0.2  # after a question for metadata that was in vain


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Give the arguments that all clients of aiokafka share. Raises SettingsError for unusable TLS files."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "client_id": "ithaca",
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        "security_protocol": settings.security,
    }
    if settings.security.endswith("SSL"):
        arguments["ssl_context"] = _tls(settings)
    if settings.security.startswith("SASL"):
        arguments |= _sasl(settings)
    return arguments


def be_patient(client: Any) -> None:
    """Let a client of aiokafka pause after asking for metadata in vain.

    In 0.14.0 its sender and its fetcher ask again at once while a partition has no leader. With the broker away that
    was 2,000 connections and 4,000 log lines a second, a whole core of each process, and Kafka itself started slowly.
    """
    ask = client._metadata_update  # noqa: SLF001 - the one place where all its questions for metadata meet

    async def ask_and_pause(cluster: Any, topics: Collection[str] | None) -> Any:
        answered = await ask(cluster, topics)
        led = all(
            cluster.partitions_for_topic(name) == cluster.available_partitions_for_topic(name) for name in topics or ()
        )
        if not (answered and led):
            await asyncio.sleep(METADATA_RETRY_S)
        return answered

    client._metadata_update = ask_and_pause  # noqa: SLF001 - see above


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(filter(None, (settings.ca_file, settings.cert_file, settings.key_file)))
        raise SettingsError(f"kafka: cannot read the TLS files {files}: {error.strerror}; give PEM files") from None
    return context


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    if not settings.sasl_username or not settings.sasl_password:
        raise SettingsError(
            f"kafka.security is {settings.security}: set both kafka.sasl_username and kafka.sasl_password"
        )
    return {
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": settings.sasl_password.reveal().decode(),
    }
